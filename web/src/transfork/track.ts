// SPDX-License-Identifier: MIT OR Apache-2.0
// A track that we publish: its newest groups as they go over the wire, and those who wait for more. A frame is copied once, with its
// size in front, for all viewers.
// Tested by web/test/transfork/session.test.ts.
import { joinBytes } from "../base/bytes.ts";
import { CODE, TransforkError } from "./error.ts";
import { encode } from "./field.ts";
import { frameSize } from "./messages.ts";
import { checkPath } from "./path.ts";
import type { GroupWriter, Path, Track } from "./types.ts";

const GROUP_MAX_BYTES = 64 << 20;
const GROUP_MAX_FRAMES = 1 << 20;
/** What is kept for viewers who ask for older groups. The newest one stays, however large. */
const KEPT_GROUPS_MAX = 4;
const KEPT_BYTES_MAX = 16 << 20;

/** A group of ours. */
export interface Body {
    readonly sequence: number;
    /** Frames with their sizes. */
    readonly chunks: Uint8Array[];
    bytes: number;
    /** Undefined while frames come; 0: complete; else the code it was aborted with. */
    end: number | undefined;
    /** Called after each change. */
    readonly readers: Set<() => void>;
    /** What each stream that sends it has still to send. */
    readonly unsent: Set<() => number>;
}

/** What viewers see of a track. */
export interface Source {
    readonly path: Path;
    readonly priority: number;
    /** In order of their sequences, the newest last. */
    readonly bodies: readonly Body[];
    readonly hasClosed: boolean;
    readonly latest: number;
    /** Calls `watcher` when a group begins, and when the track is closed. Returns how to stop that. */
    watch(watcher: (body: Body | undefined) => void, isViewer: boolean): () => void;
}

const sources = new WeakMap<Track, Source>();

export function sourceOf(track: Track): Source {
    const source = sources.get(track);
    if (!source) throw new TypeError("this track does not come from createTrack");
    return source;
}

export function createTrack(path: Path, { priority = 0 } = {}): Track {
    checkPath(path, 1);
    const watchers = new Map<(body: Body | undefined) => void, boolean>();
    const bodies: Body[] = [];
    let writer: GroupWriter | undefined;
    let nextSequence = 0;
    let viewers = 0;
    let hasClosed = false;

    function tellViewers(change: number): void {
        viewers += change;
        if (change) track.onViewers?.(viewers);
    }
    const track: Track = {
        path,
        get viewers() {
            return viewers;
        },
        get unsentBytes() {
            const most = ({ unsent }: Body) => Math.max(0, ...[...unsent].map((ask) => ask()));
            return bodies.reduce((sum, body) => sum + most(body), 0);
        },
        onViewers: undefined,
        openGroup() {
            writer?.close();
            const body: Body = {
                sequence: nextSequence++,
                chunks: [],
                bytes: 0,
                end: undefined,
                readers: new Set(),
                unsent: new Set(),
            };
            writer = writerOf(body);
            if (hasClosed) return writer;
            bodies.push(body);
            forgetOldest(bodies);
            for (const watcher of [...watchers.keys()]) watcher(body);
            return writer;
        },
        giveUp() {
            writer?.abort();
            for (const body of bodies.filter(({ unsent }) => unsent.size > 0)) {
                body.end ||= ABORTED;
                tellReaders(body);
            }
        },
        close() {
            writer?.close();
            hasClosed = true;
            for (const watcher of [...watchers.keys()]) watcher(undefined);
        },
    };
    sources.set(track, {
        path,
        priority,
        bodies,
        get hasClosed() {
            return hasClosed;
        },
        get latest() {
            return Math.max(0, nextSequence - 1);
        },
        watch(watcher, isViewer) {
            watchers.set(watcher, isViewer);
            tellViewers(+isViewer);
            return () => {
                if (watchers.delete(watcher)) tellViewers(-isViewer);
            };
        },
    });
    return track;
}

function forgetOldest(bodies: Body[]): void {
    let bytes = bodies.reduce((sum, body) => sum + body.bytes, 0);
    while (bodies.length > 1 && (bodies.length > KEPT_GROUPS_MAX || bytes > KEPT_BYTES_MAX))
        bytes -= bodies.shift()?.bytes ?? 0;
}

function writerOf(body: Body): GroupWriter {
    function end(code: number): void {
        if (body.end !== undefined) return;
        body.end = code;
        tellReaders(body);
    }
    return {
        sequence: body.sequence,
        writeFrame(frame) {
            // Whoever still writes to a group that another one has followed has come too late.
            if (body.end !== undefined) return;
            const chunk = joinBytes(encode(frameSize, frame.length), frame);
            if (body.bytes + chunk.length > GROUP_MAX_BYTES || body.chunks.length === GROUP_MAX_FRAMES) {
                end(CODE.bounds);
                throw new TransforkError(CODE.bounds, "the group is too large: begin a new one");
            }
            body.chunks.push(chunk);
            body.bytes += chunk.length;
            tellReaders(body);
        },
        close: () => end(0),
        // Code 0 would be a clean end.
        abort: (code = CODE.cancelled) => end(code || ABORTED),
    };
}

/** Stands for an abort with code 0. */
export const ABORTED = -1;

function tellReaders(body: Body): void {
    for (const reader of [...body.readers]) reader();
}
