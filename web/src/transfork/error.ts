// SPDX-License-Identifier: MIT OR Apache-2.0
// How things fail: the codes of docs/protocol.md, and the errors of browsers turned into them.
// Tested by web/test/transfork/session.test.ts.
import type { TransforkFailure } from "./types.ts";

/** Codes of streams and sessions, as in docs/protocol.md. */
export const CODE = {
    cancelled: 0,
    failed: 4,
    decode: 5,
    unauthorized: 6,
    version: 9,
    unexpected: 10,
    bounds: 11,
    duplicate: 12,
    notFound: 13,
    cut: 14,
    protocol: 15,
} as const;

const WORDS: Record<number, string> = {
    [CODE.cancelled]: "cancelled",
    [CODE.failed]: "the connection failed",
    [CODE.unauthorized]: "no valid credentials",
    [CODE.version]: "no version in common",
    [CODE.notFound]: "not found, or not allowed",
};

export class TransforkError extends Error implements TransforkFailure {
    readonly code: number;

    constructor(code: number, message?: string) {
        super(message || WORDS[code] || `failed with code ${code}`);
        this.name = "TransforkError";
        this.code = code;
    }
}

/** Whatever a browser throws, as our error. `doing` says what failed. */
export function errorOf(cause: unknown, doing: string): TransforkError {
    if (cause instanceof TransforkError) return cause;
    const words = cause instanceof Error ? cause.message : String(cause);
    const code = streamCode(cause);
    if (code !== undefined) return new TransforkError(code);
    return new TransforkError(CODE.failed, words ? `${doing}: ${words}` : doing);
}

/** The code with which a peer reset or stopped a stream; undefined: it is another kind of error. */
function streamCode(cause: unknown): number | undefined {
    if (typeof cause !== "object" || cause === null) return undefined;
    if (!("source" in cause) || cause.source !== "stream") return undefined;
    // Codes outside the range of WebTransport come as null.
    return "streamErrorCode" in cause && typeof cause.streamErrorCode === "number" ? cause.streamErrorCode : 0;
}

/** What a stream is reset or stopped with, so that the peer sees `code`. */
export function resetReason(code: number): unknown {
    const init = { source: "stream", streamErrorCode: code } as const;
    try {
        return new WebTransportError("", init);
    } catch {
        // Chromium 156 and Firefox 153 know an older form, with everything in the first argument.
        return new (WebTransportError as unknown as new (all: typeof init) => unknown)(init);
    }
}

/** For promises whose failure is told elsewhere, so that no browser reports it as uncaught. */
export function ignore(): void {}
