// SPDX-License-Identifier: MIT OR Apache-2.0
// What the rooms above see of karp: catalogs, broadcasts, frames. The media layer is described in docs/media.md.
import type { Path } from "../transfork/index.ts";

interface TrackDescription {
    name: string;
    priority: number;
    /** RFC 6381. */
    codec: string;
    /** Configuration record, for `description` of WebCodecs. */
    description?: Uint8Array;
    bitrateBps?: number;
    timescale?: number;
    language?: string;
    languageTag?: string;
}

export interface VideoTrack extends TrackDescription {
    kind: "video";
    width: number;
    height: number;
    ladder?: string;
    rotation?: 0 | 90 | 180 | 270;
    flip?: boolean;
    displayAspectWidth?: number;
    displayAspectHeight?: number;
    colorSpace?: VideoColorSpaceInit;
}

export interface AudioTrack extends TrackDescription {
    kind: "audio";
    sampleRate: number;
    channelCount: number;
}

export interface Catalog {
    video: VideoTrack[];
    audio: AudioTrack[];
    startUs?: number;
}

/** Renditions of one picture that one decoder can follow, highest bitrate first. */
export interface Ladder {
    renditions: VideoTrack[];
    /** The track that leaves the choice to whoever serves it. */
    automatic?: VideoTrack;
}

/** A frame of a media track. */
export interface MediaFrame {
    timeUs: number;
    data: Uint8Array;
}

/** What a viewer of a broadcast is told, one after the other. */
export type BroadcastEvent =
    /** A catalog, of a new instance or a newer one of the same. */
    | { kind: "catalog"; instance: string; path: Path; catalog: Catalog }
    /** Nobody publishes it at the moment. */
    | { kind: "offline" }
    /** The catalog of this instance does not come. It is asked for again. */
    | { kind: "silent"; instance: string }
    /** The catalog of this instance cannot be used; `message` is for people. */
    | { kind: "broken"; instance: string; message: string };
