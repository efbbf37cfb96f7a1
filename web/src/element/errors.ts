// SPDX-License-Identifier: MIT OR Apache-2.0
// Errors as HTMLMediaElement tells them, and the words that a viewer sees in the picture.
// Tested by web/test/element/words.test.ts.
import type { PlayerErrorCode, PlayerState } from "../player/index.ts";

/** `code` is one of MediaError's: 2 network, 3 decoding, 4 cannot be played at all. */
export interface VideoError {
    readonly code: number;
    readonly message: string;
    /** The player's own word for it, for programs. */
    readonly reason: PlayerErrorCode;
}

const CODES: Record<PlayerErrorCode, number> = {
    "no-webtransport": 4,
    "no-webcodecs": 4,
    "bad-url": 4,
    unreachable: 2,
    refused: 2,
    "token-expired": 2,
    "bad-catalog": 4,
    "no-media": 4,
    "track-missing": 4,
    "codec-missing": 4,
    decode: 3,
    "no-audio-device": 4,
};

/** Only what ends playback is an error of the element; what the player gets over by itself is a notice. */
export function errorOf(state: PlayerState): VideoError | undefined {
    const { error } = state;
    if (state.status !== "failed" || !error) return undefined;
    return { code: CODES[error.code], message: error.message, reason: error.code };
}

export interface Notice {
    readonly text: string;
    /** Trying again may help. */
    readonly canRetry: boolean;
    /** Playback goes on: it is said in passing and does not cover the picture. */
    readonly isPassing: boolean;
}

/** Trying again changes nothing. */
const HOPELESS = new Set<PlayerErrorCode>(["no-webtransport", "no-webcodecs", "bad-url"]);

/** What the viewer should read now. */
export function noticeOf(state: PlayerState): Notice | undefined {
    const { status, error } = state;
    if (status === "failed")
        return {
            text: error?.message ?? "This broadcast cannot be played. Try again.",
            canRetry: !error || !HOPELESS.has(error.code),
            isPassing: false,
        };
    if (status === "offline")
        return {
            text: "Nobody is broadcasting here now. It starts by itself as soon as somebody does.",
            canRetry: false,
            isPassing: false,
        };
    if (!error) return undefined;
    return { text: error.message, canRetry: false, isPassing: status !== "connecting" && status !== "loading" };
}
