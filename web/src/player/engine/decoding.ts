// SPDX-License-Identifier: MIT OR Apache-2.0
// Playback with the decoders of the browser and the screen of the page.
// Tested by tests/browser/player.mjs.
import type { AudioTrack, VideoTrack } from "../../karp/index.ts";
import type { PlayerError } from "../state.ts";
import { audioConfig, nameOfCodec, videoConfig } from "./configs.ts";
import { Playback } from "./playback.ts";
import type { EncodedFrame } from "./queue.ts";
import type { Screen } from "./render.ts";
import { decodeFailed } from "./words.ts";

/** So many failures in a row are worth a message. */
const FAILURES_TOLD = 3;

export interface DecodingParts {
    screen: Screen;
    wake(): void;
    /** A part goes wrong; playback goes on without it, or begins it again. */
    trouble(error: PlayerError): void;
    format(sampleRate: number, channels: number): void;
}

export function createPlayback(latencyMs: number, parts: DecodingParts) {
    const onFailure = (error: Error, failures: number, track: VideoTrack | AudioTrack) => {
        if (failures < FAILURES_TOLD) return;
        parts.trouble(decodeFailed(nameOfCodec(track.codec), error.message));
    };
    return new Playback<
        VideoDecoderConfig,
        EncodedVideoChunk,
        VideoFrame,
        AudioDecoderConfig,
        EncodedAudioChunk,
        AudioData
    >(
        {
            video: {
                openDecoder: (init) => new VideoDecoder(init),
                configOf: videoConfig,
                chunkOf: ({ timeUs, data, isKey }: EncodedFrame<VideoTrack>) =>
                    new EncodedVideoChunk({ timestamp: timeUs, data, type: isKey ? "key" : "delta" }),
                draw: (frame, track) => parts.screen.draw(frame, track),
                onFailure,
                wake: parts.wake,
            },
            sound: {
                openDecoder: (init) => new AudioDecoder(init),
                configOf: (track) => {
                    const config = audioConfig(track);
                    if (!config) throw new Error("the catalog has no configuration for it");
                    return config;
                },
                chunkOf: ({ timeUs, data }: EncodedFrame<AudioTrack>) =>
                    new EncodedAudioChunk({ timestamp: timeUs, data, type: "key" }),
                onFailure,
                onFormat: parts.format,
                wake: parts.wake,
            },
        },
        latencyMs,
    );
}
