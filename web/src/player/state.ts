// SPDX-License-Identifier: MIT OR Apache-2.0
// What a player tells of itself: the state that an element shows, errors in words, figures for a statistics panel.

export type PlayerStatus =
    /** No src. */
    | "idle"
    /** A session is being opened, for the first time or again. */
    | "connecting"
    /** Connected, but nobody publishes the broadcast. It begins by itself when somebody does. */
    | "offline"
    /** The broadcast is there; no picture or sound yet. */
    | "loading"
    | "playing"
    /** Playback has stopped because media are missing. */
    | "waiting"
    | "paused"
    /** It goes on only after `load` or a new src: see `error`. */
    | "failed";

/** For programs; `message` is for people and says what to do. */
export type PlayerErrorCode =
    | "no-webtransport" // the browser has none
    | "no-webcodecs"
    | "bad-url"
    | "unreachable" // no answer; it is tried again
    | "refused" // by the relay, with its reason
    | "token-expired"
    | "bad-catalog"
    | "no-media" // the catalog has no track at the moment
    | "track-missing" // the catalog has it, and nothing comes
    | "codec-missing"
    | "decode"
    | "no-audio-device";

export interface PlayerError {
    code: PlayerErrorCode;
    message: string;
    /** The player tries again by itself, or plays without the part that failed. */
    isTransient: boolean;
}

export interface Rendition {
    name: string;
    width: number;
    height: number;
    bitrateBps?: number;
    codec: string;
}

/** Who chose the rendition: the viewer by hand, the player by its own estimate, or the relay. */
export type ChosenBy = "viewer" | "player" | "relay";

/** How pictures get on the canvas. */
export type DrawnBy = "webgl" | "2d";
/** "auto": by WebGL where a graphics card does it. */
export type Drawing = "auto" | DrawnBy;

/** A snapshot; a new object at each change. */
export interface PlayerState {
    readonly status: PlayerStatus;
    readonly error: PlayerError | undefined;
    /** The size of the picture as it is shown; 0: no picture yet. */
    readonly videoWidth: number;
    readonly videoHeight: number;
    readonly hasVideo: boolean;
    readonly hasAudio: boolean;
    readonly renditions: readonly Rendition[];
    readonly rendition: { name: string; chosenBy: ChosenBy } | undefined;
    readonly isPaused: boolean;
    readonly isMuted: boolean;
    /** 0 to 1. */
    readonly volume: number;
    /** The browser wants a click before there is sound. */
    readonly isSoundBlocked: boolean;
    /** What the viewer asked for. */
    readonly latencyMs: number;
    /** What the network allows; more than latencyMs when that is not enough. */
    readonly neededLatencyMs: number;
    /** 1, or a little more or less while playback catches up or waits. */
    readonly playbackRate: number;
}

/** Media time in seconds, as HTMLMediaElement tells it. */
export interface PlayerTimes {
    currentTime: number;
    /** From what is played to the newest that has arrived. */
    buffered: { start: number; end: number } | undefined;
}

export interface PlayerStats {
    /** From the newest frame's arrival on the fastest way to its showing: what the player adds. */
    latencyMs: number;
    bufferMs: number;
    rateBps: number;
    /** The round trip to the relay, as the browser or the relay's answers tell it; undefined: not known. */
    rttMs: number | undefined;
    framesShown: number;
    /** Decoded, but too late to be shown. */
    framesLate: number;
    /** Never decoded: their group was skipped. */
    framesDropped: number;
    groupsSkipped: number;
    audioUnderruns: number;
    reconnects: number;
    version: string | undefined;
    videoCodec: string | undefined;
    audioCodec: string | undefined;
    rendition: string | undefined;
    chosenBy: ChosenBy | undefined;
    /** Undefined: there is no canvas. */
    drawnBy: DrawnBy | undefined;
}

export interface PlayerOptions {
    /** https: (certificate that the browser or the visitor trusts) or http: (pinned by its fingerprint), host, path of the broadcast. */
    src?: string;
    token?: string;
    latencyMs?: number;
    muted?: boolean;
    volume?: number;
    paused?: boolean;
    /** "auto", or the name of a rendition. */
    rendition?: string;
    /** Where dist/player-worker.js and dist/audio-worklet.js are, for pages whose policy forbids scripts from blobs. */
    workerUrl?: string;
    workletUrl?: string;
    /** "auto" by default. */
    drawing?: Drawing;
}

/** Events: "state" (PlayerState has changed), "error" (state.error was set), "reconnect", "canvaslost" (the canvas cannot be drawn on any
 *  more: attach another one). The player is in player.ts. */
export interface PlayerApi extends EventTarget {
    src: string;
    token: string;
    latencyMs: number;
    muted: boolean;
    volume: number;
    rendition: string;
    readonly state: PlayerState;
    readonly times: PlayerTimes;
    readonly canvas: HTMLCanvasElement | undefined;
    /** Draws into `canvas` from now on, no longer into the one before; a canvas can be given to one player only, once. */
    attachCanvas(canvas: HTMLCanvasElement): void;
    play(): void;
    pause(): void;
    /** Begins anew with the present src. */
    load(): void;
    stats(): Promise<PlayerStats>;
    /** Picture and sound as a stream, for picture in picture and recording. */
    captureStream(): MediaStream;
    /** Ends everything: workers, sessions, decoders, sound. */
    close(): Promise<void>;
}
