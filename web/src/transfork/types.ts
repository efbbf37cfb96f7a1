// SPDX-License-Identifier: MIT OR Apache-2.0
// What the rooms above see of transfork: sessions, subscriptions, groups, tracks. The protocol is described in docs/protocol.md.

/** A path as it is on the wire: its parts. */
export type Path = readonly string[];

/** Versions that browsers negotiate; 03 is preferred. */
export type Version = "02" | "03";

/** How a subscriber wants the groups of a track. */
export interface Wish {
    /** -128 to 127, higher goes first. */
    priority: number;
    order: "newest" | "oldest";
    /** A group may be dropped so long after it was finished; 0: never for that reason. */
    expiresMs: number;
    /** First and last group; absent: from the newest one on, without an end. */
    from?: number;
    to?: number;
}

/** What a publisher says of a track. */
export interface Info {
    priority: number;
    order: "newest" | "oldest" | "any";
    expiresMs: number;
    /** The newest group; 0 also if there is none yet. */
    latest: number;
}

/** Groups first to last will not come. */
export interface Gap {
    first: number;
    last: number;
    code: number;
}

/** An announcement with its whole path; "live": all that was there at the beginning has been told. */
export type Announcement = { kind: "active" | "ended"; path: Path } | { kind: "live" };

/** How a session or a stream ended. `code` 0 is a clean end. */
export interface Closed {
    code: number;
    reason: string;
    /** Who ended it. */
    by: "us" | "peer" | "network";
}

/** One group as it arrives, in order of its frames. */
export interface GroupReader {
    readonly sequence: number;
    /** The next whole frame; undefined: the group is complete. Rejects with TransforkError if it was reset or is broken. */
    readFrame(): Promise<Uint8Array | undefined>;
    /** Nobody wants the rest. */
    cancel(): void;
}

export interface Subscription {
    readonly path: Path;
    /** Rejects with TransforkError if the track is refused or not found; it counts as handled if nobody looks. */
    readonly info: Promise<Info>;
    /** Each group as its first bytes arrive, in any order. The iteration ends when the subscription does. */
    readonly groups: AsyncIterable<GroupReader>;
    onGap: ((gap: Gap) => void) | undefined;
    /** Resolves when the track has ended (undefined) or failed; never rejects. */
    readonly ended: Promise<TransforkFailure | undefined>;
    update(wish: Partial<Wish>): void;
    close(): void;
}

/** The fields of TransforkError that others need. */
export interface TransforkFailure {
    /** A code of docs/protocol.md: 13 is not found. */
    readonly code: number;
    readonly message: string;
}

/** Announcements below a prefix. Iterate once; the iteration ends when the session or the stream does. */
export interface Announced extends AsyncIterable<Announcement> {
    close(): void;
}

export interface SessionStats {
    /**
     * The round trip: smoothed (RFC 9002, section 5.3) where the browser tells it, else the quickest of the peer's last answers, which it
     * is asked for while stats() is called (03 alone). Undefined: not known, or not yet.
     */
    rttMs: number | undefined;
    /** What the path would carry: towards us, as the peer says (03), else from us, as the browser estimates it. */
    rateBps: number | undefined;
    bytesReceived: number;
    bytesSent: number;
}

/** A writer of one group of a track of ours. */
export interface GroupWriter {
    readonly sequence: number;
    writeFrame(frame: Uint8Array): void;
    close(): void;
    abort(code?: number): void;
}

/** A track that we publish. Viewers who join get the newest group from its first frame. */
export interface Track {
    readonly path: Path;
    readonly viewers: number;
    /** What the slowest viewer has still to be sent of the newest groups; more than 0 until the last of it has arrived. */
    readonly unsentBytes: number;
    onViewers: ((viewers: number) => void) | undefined;
    /** Ends the previous group. Sequences rise by one. */
    openGroup(): GroupWriter;
    /** Aborts all groups that are not wholly sent. */
    giveUp(): void;
    close(): void;
}

/** A session that is open. */
export interface Session {
    readonly version: Version;
    readonly url: URL;
    /** Never rejects. */
    readonly closed: Promise<Closed>;
    /** Resolves when the peer says that it goes: time to open another session. May never resolve. */
    readonly draining: Promise<void>;
    announced(prefix: Path): Announced;
    subscribe(path: Path, wish: Wish): Subscription;
    /** Frames of one group, beginning with frame `offset`. */
    fetch(path: Path, group: number, offset?: number): GroupReader;
    info(path: Path): Promise<Info>;
    /** Announces `track` and serves it until it is closed. */
    publish(track: Track): void;
    /** Bytes are counted here where the browser does not count them. Never rejects. */
    stats(): Promise<SessionStats | undefined>;
    close(code?: number, reason?: string): void;
}
