// SPDX-License-Identifier: MIT OR Apache-2.0
// One subscription to a media track: reads its groups into a queue.
import type { AudioTrack, MediaFrame, VideoTrack } from "../../karp/index.ts";
import type { GroupReader, Subscription, TransforkFailure } from "../../transfork/index.ts";
import { GroupQueue } from "./queue.ts";

/** Groups that are read at the same time. The relay opens 16 at most; the oldest goes when there are more. */
export const MAX_GROUPS_READ = 24;

export interface SourceParts<T> {
    subscription: Subscription;
    track: T;
    readFrame(bytes: Uint8Array): MediaFrame;
    /** A frame is in the queue. */
    onFrame(timeUs: number, bytes: number): void;
    /** A frame cannot be read; its group is left. */
    onBroken(): void;
    /** The subscription has ended by itself; undefined: the track has. */
    onEnd(failure: TransforkFailure | undefined): void;
}

/** What a lane plays from. */
export interface MediaSource<T> {
    readonly track: T;
    readonly queue: GroupQueue<T>;
    /** Nothing more will arrive. */
    readonly isEnded: boolean;
    close(): void;
}

export class Source<T extends VideoTrack | AudioTrack> implements MediaSource<T> {
    readonly track: T;
    readonly queue = new GroupQueue<T>();
    readonly #parts: SourceParts<T>;
    readonly #readers = new Map<number, GroupReader>();
    #isClosed = false;
    #isEnded = false;

    constructor(parts: SourceParts<T>) {
        this.#parts = parts;
        this.track = parts.track;
        parts.subscription.onGap = ({ first, last }) => this.queue.noteGap(first, last);
        void parts.subscription.ended.then((failure) => this.#end(failure));
        void this.#readGroups();
    }

    get isEnded(): boolean {
        return this.#isEnded;
    }

    update(wish: { expiresMs: number }): void {
        if (!this.#isEnded && !this.#isClosed) this.#parts.subscription.update(wish);
    }

    async #readGroups(): Promise<void> {
        try {
            for await (const group of this.#parts.subscription.groups) {
                if (this.#isClosed || !this.queue.open(group.sequence)) group.cancel();
                else void this.#readGroup(group);
            }
        } catch {
            // Why it ended is told by `ended`.
        }
    }

    async #readGroup(group: GroupReader): Promise<void> {
        const { sequence } = group;
        if (this.#readers.size >= MAX_GROUPS_READ) this.#cancel(Math.min(...this.#readers.keys()));
        this.#readers.set(sequence, group);
        try {
            for (;;) {
                const bytes = await group.readFrame();
                if (!bytes || this.#isClosed) break;
                const frame = this.#parts.readFrame(bytes);
                if (!this.queue.push(sequence, frame.timeUs, frame.data, this.track)) {
                    group.cancel();
                    break;
                }
                this.#parts.onFrame(frame.timeUs, bytes.length);
            }
        } catch (error) {
            group.cancel(); // it was reset, or a frame has no time: what arrived before that is good
            if (error instanceof RangeError) this.#parts.onBroken();
        }
        if (this.#readers.get(sequence) === group) this.#readers.delete(sequence);
        this.queue.close(sequence);
    }

    #cancel(sequence: number): void {
        this.#readers.get(sequence)?.cancel();
        this.#readers.delete(sequence);
        this.queue.close(sequence);
    }

    #end(failure: TransforkFailure | undefined): void {
        if (this.#isEnded) return;
        this.#isEnded = true;
        if (!this.#isClosed) this.#parts.onEnd(failure);
    }

    close(): void {
        if (this.#isClosed) return;
        this.#isClosed = true;
        this.#parts.subscription.onGap = undefined;
        for (const sequence of [...this.#readers.keys()]) this.#cancel(sequence);
        this.queue.clear();
        this.#parts.subscription.close();
    }
}
