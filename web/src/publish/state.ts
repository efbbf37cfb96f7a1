// SPDX-License-Identifier: MIT OR Apache-2.0
// What pages see of a publisher: what it is told, and how it stands.
// Tested by tests/browser/publish.mjs.

export type VideoCodecName = "h264" | "vp9" | "av1" | "vp8";

export interface VideoSettings {
    /** The picture is made smaller to fit in here, never larger. */
    readonly width: number;
    readonly height: number;
    readonly framerate: number;
    /** Undefined: by size and frame rate. */
    readonly bitrateBps: number | undefined;
    readonly keyframeS: number;
    /** Undefined: the first that this browser encodes. */
    readonly codec: VideoCodecName | undefined;
    /** A second rendition of half the size, while the machine keeps up. */
    readonly hasLadder: boolean;
}

export interface PublisherOptions extends VideoSettings {
    /** https:, or http: for a relay whose certificate the browser does not trust. */
    readonly url: string;
    readonly token?: string;
    /** Where the worker is, for pages whose Content-Security-Policy allows no worker-src blob:. */
    readonly workerUrl?: string;
    /** Where dist/publish-worklet.js is, for pages that allow no blob: in script-src. Only browsers without
     *  MediaStreamTrackProcessor need it. */
    readonly workletUrl?: string;
}

export type PublishErrorCode =
    | "bad-url"
    | "no-webtransport"
    | "no-webcodecs"
    | "unreachable"
    | "refused"
    | "token-expired"
    | "no-encoder"
    | "encode"
    | "insecure"
    | "permission-denied"
    | "no-device"
    | "device-busy"
    | "device-failed"
    | "file";

export interface PublishError {
    readonly code: PublishErrorCode;
    /** For people: what is wrong, and what to do. */
    readonly message: string;
    /** It is tried again by itself. */
    readonly isTransient: boolean;
}

export interface RenditionState {
    readonly name: string;
    readonly codec: string;
    readonly width: number;
    readonly height: number;
    readonly bitrateBps: number;
}

/** "idle": there is nothing to publish. "failed": nothing goes on by itself. */
export type PublishStatus = "idle" | "connecting" | "live" | "failed";

export interface PublishState {
    readonly status: PublishStatus;
    readonly error: PublishError | undefined;
    /** Of the broadcast, while it is published. */
    readonly instance: string | undefined;
    /** The largest first. */
    readonly renditions: readonly RenditionState[];
    readonly hasSound: boolean;
    /** The machine was too slow for two renditions. */
    readonly isStrained: boolean;
    /** The network carries less than the encoders would make, so they make less. */
    readonly isNetworkSlow: boolean;
    /** The browser gives no sound: it wants a click in the page first, or has no device to keep the beat. */
    readonly isSoundBlocked: boolean;
}

export interface PublishStats {
    readonly framesEncoded: number;
    /** Because the machine is too slow, or the network is behind. */
    readonly framesDropped: number;
    /** Of the largest rendition, over the last seconds. */
    readonly framesPerSecond: number;
    /** All tracks together, over the last seconds. */
    readonly bitrateBps: number;
    readonly bytes: number;
    /** The loudest of what is heard lately, 0 to 1; also while muted. */
    readonly soundLevel: number;
    /** Somebody watches, or a relay fetches it for somebody. */
    readonly isWatched: boolean;
}

export const NOTHING_PUBLISHED: PublishState = {
    status: "idle",
    error: undefined,
    instance: undefined,
    renditions: [],
    hasSound: false,
    isStrained: false,
    isNetworkSlow: false,
    isSoundBlocked: false,
};

export const NO_STATS: PublishStats = {
    framesEncoded: 0,
    framesDropped: 0,
    framesPerSecond: 0,
    bitrateBps: 0,
    bytes: 0,
    soundLevel: 0,
    isWatched: false,
};
