// SPDX-License-Identifier: MIT OR Apache-2.0
// What joins the three places of sound: the decoder's worker writes samples, the worklet plays them, the page owns the context.

/** Made by AudioOutput on the page and sent to the worker, where AudioFeed is made from it. */
export interface AudioLink {
    sampleRate: number;
    channels: number;
    /** Samples and positions, if the page is isolated; else both go through `port`. */
    shared: SharedArrayBuffer | undefined;
    /** The other end is the worklet's. */
    port: MessagePort;
}

/** Decoded sound, planar. */
export interface PlacedSound {
    timeUs: number;
    planes: readonly Float32Array[];
}

/** What the worker sees of sound. Media times are in microseconds, `nowMs` is performance.now() of the worker. */
export interface AudioFeedApi {
    readonly sampleRate: number;
    readonly channels: number;
    /** Appends decoded sound, planar. What is missing since the last one is filled with silence, up to a bound; overlaps are cut. */
    write(timeUs: number, planes: readonly Float32Array[]): void;
    /** Begins to play at this media time, or continues there with a short crossfade; what is older is thrown away. */
    playFrom(timeUs: number): void;
    /** Forgets everything else and plays these sounds from `timeUs` on. It comes at once, so what is heard until then is crossfaded. */
    startWith(sounds: readonly PlacedSound[], timeUs: number): void;
    pause(): void;
    /** 0.5 to 2, with the pitch kept. */
    setRate(rate: number): void;
    /** Forgets everything that has not been played. */
    flush(): void;
    /** The media time that is heard now; undefined: nothing is being played (not begun, paused, run dry, context suspended), or
     *  what is heard is from before the last playFrom. */
    timeUs(nowMs: number): number | undefined;
    /** How much has been written and not been played. */
    readonly bufferedUs: number;
    /** How often it ran dry while playing. */
    readonly underruns: number;
    close(): void;
}

/** What the page sees of sound. Events: "state". */
export interface AudioOutputApi extends EventTarget {
    /** "blocked": the browser wants a click first; "failed": there is no device. */
    readonly state: "running" | "blocked" | "failed" | "closed";
    /** Why it has failed, for people. */
    readonly reason: string | undefined;
    volume: number;
    muted: boolean;
    /** To be called in a click; resolves with whether sound runs. */
    unlock(): Promise<boolean>;
    /** Sent to the worker, with [port] transferred. */
    readonly link: AudioLink;
    captureTrack(): MediaStreamTrack;
    close(): Promise<void>;
}
