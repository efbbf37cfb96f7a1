// SPDX-License-Identifier: MIT OR Apache-2.0
// What the page and the worker say to each other.
import type { TrustNews } from "../transfork/index.ts";
import type { AudioLink } from "./audio/link.ts";
import type { Drawing, PlayerState, PlayerStats } from "./state.ts";

/** What the viewer wants; the worker does what differs from before. */
export interface Wanted {
    src: string;
    token: string;
    latencyMs: number;
    rendition: string;
    isPaused: boolean;
    /** Counts sources and new beginnings with the same; what the worker still says of an earlier one is old news. */
    take: number;
}

export type ToWorker =
    | TrustNews
    | { kind: "want"; wanted: Wanted }
    | { kind: "canvas"; canvas: OffscreenCanvas; drawing: Drawing }
    /** Where sound goes now; undefined: nowhere. Sent with `port` of the link transferred. */
    | { kind: "sound"; link: AudioLink | undefined }
    /** Whether somebody sees the picture. */
    | { kind: "seen"; isSeen: boolean }
    /** The network has changed: try at once. */
    | { kind: "hurry" }
    | { kind: "stats"; id: number }
    /** performance.now() of the page as it sends this: before anything else, and after each `timing`. */
    | { kind: "clock"; pageMs: number }
    | { kind: "close" };

/** The part of the state that the worker knows. */
export type EngineState = Omit<PlayerState, "isPaused" | "isMuted" | "volume" | "isSoundBlocked">;

/** Media times; `atMs` is performance.now() of the page. */
export interface Timing {
    positionUs: number | undefined;
    newestUs: number | undefined;
    rate: number;
    isRunning: boolean;
    atMs: number;
}

export type FromWorker =
    | TrustNews
    | { kind: "state"; state: EngineState; take: number }
    | { kind: "timing"; timing: Timing }
    /** The broadcast has sound of this kind; undefined: it has none. */
    | { kind: "sound"; wanted: { sampleRate: number; channels: number } | undefined }
    | { kind: "reconnect" }
    /** The canvas cannot be drawn on any more. */
    | { kind: "lost" }
    | { kind: "stats"; id: number; stats: PlayerStats }
    | { kind: "closed" };
