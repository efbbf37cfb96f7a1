// SPDX-License-Identifier: MIT OR Apache-2.0
// What the page and the worker tell each other.
import type { TrustNews } from "../transfork/index.ts";
import type { PublishState, PublishStats, VideoSettings } from "./state.ts";

/** Pictures: a stream of VideoFrame, or a port where they come one by one. */
export type VideoInput = { kind: "stream"; stream: ReadableStream<VideoFrame> } | { kind: "port"; port: MessagePort };

/** Sound: a stream of AudioData, or a port of the worklet. */
export type SoundInput = { kind: "stream"; stream: ReadableStream<AudioData> } | { kind: "port"; port: MessagePort };

/** The worker to the page, on a port of pictures: one was taken, or it is time to look for one. */
export type FromVideoPort = "taken" | "look";

/** From the worklet. */
export interface Samples {
    planes: Float32Array[];
    sampleRate: number;
    timestampUs: number;
}

export type ToWorker =
    | TrustNews
    | { kind: "open"; url: string; token: string }
    | { kind: "token"; token: string }
    | { kind: "settings"; settings: VideoSettings }
    | { kind: "video"; input: VideoInput | undefined }
    | { kind: "sound"; input: SoundInput | undefined }
    | { kind: "mute"; isMuted: boolean }
    | { kind: "hurry" }
    | { kind: "close" };

export type FromWorker =
    | TrustNews
    | { kind: "state"; state: PublishState }
    | { kind: "stats"; stats: PublishStats }
    | { kind: "closed" };
