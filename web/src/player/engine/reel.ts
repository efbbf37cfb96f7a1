// SPDX-License-Identifier: MIT OR Apache-2.0
// What a lane has taken from its queue, kept for a while: when the viewer asks for a higher latency, playback goes back into it.
// Tested by web/test/player/reel.test.ts.
import type { EncodedFrame, GroupQueue } from "./queue.ts";

/** As far as an element lets the latency go, and a little more. */
export const MAX_REEL_US = 10_500_000;
export const MAX_REEL_BYTES = 24 << 20;

export class Reel<T> {
    /** In the order in which they are decoded; the first one is a key frame. */
    #frames: EncodedFrame<T>[] = [];
    #bytes = 0;
    /** The next one that is given again; the length: none. */
    #at = 0;
    readonly #isEachKey: boolean;

    /** `isEachKey`: a decoder can begin with any frame, as with sound. */
    constructor(isEachKey = false) {
        this.#isEachKey = isEachKey;
    }

    /** The earliest time that it can go back to; undefined: to none. */
    get oldestUs(): number | undefined {
        return this.#frames[0]?.timeUs;
    }

    /** Whether frames are given again before those of the queue. */
    get isRewound(): boolean {
        return this.#at < this.#frames.length;
    }

    /** The frame that `take` would give. */
    peek(queue: GroupQueue<T> | undefined, positionUs?: number, dueUs?: number): EncodedFrame<T> | undefined {
        if (positionUs !== undefined) this.#leavePassed(positionUs);
        return this.#frames[this.#at] ?? queue?.peek(positionUs, dueUs);
    }

    take(queue: GroupQueue<T>, positionUs?: number, dueUs?: number): EncodedFrame<T> | undefined {
        const again = this.#frames[this.#at];
        if (again) {
            this.#at++;
            return again;
        }
        const frame = queue.take(positionUs, dueUs);
        if (frame) this.#keep(frame);
        return frame;
    }

    /** A decoder that is behind begins with the last key frame that is due. */
    #leavePassed(positionUs: number): void {
        if (!this.isRewound) return;
        this.#at = Math.max(this.#at, this.#keyFor(positionUs));
    }

    #isKey(frame: EncodedFrame<T>): boolean {
        return this.#isEachKey || frame.isKey;
    }

    #keyFor(timeUs: number): number {
        return this.#frames.findLastIndex((frame) => this.#isKey(frame) && frame.timeUs <= timeUs);
    }

    #keep(frame: EncodedFrame<T>): void {
        if (this.#frames.length === 0 && !this.#isKey(frame)) return;
        this.#frames.push(frame);
        this.#bytes += frame.data.length;
        this.#drop(Math.max(0, this.#keyFor(frame.timeUs - MAX_REEL_US)));
        while (this.#bytes > MAX_REEL_BYTES) {
            const next = this.#frames.findIndex((other, i) => i > 0 && this.#isKey(other));
            this.#drop(next < 0 ? this.#frames.length : next);
        }
        this.#at = this.#frames.length;
    }

    #drop(count: number): void {
        for (const { data } of this.#frames.splice(0, count)) this.#bytes -= data.length;
    }

    /** From now on, frames are given again that a decoder needs for this time, or from the oldest on. */
    rewind(timeUs: number): void {
        this.#at = Math.max(0, this.#keyFor(timeUs));
    }

    clear(): void {
        this.#frames = [];
        this.#bytes = this.#at = 0;
    }
}
