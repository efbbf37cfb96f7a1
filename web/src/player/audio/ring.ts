// SPDX-License-Identifier: MIT OR Apache-2.0
// Samples of the last seconds, planar. Frames have numbers that only grow; the place of one is its number modulo the length, so
// writer and reader share no index. What may be read is said by `first` and `end`; everything else reads as silence.
// Tested by web/test/player/audio/memory.test.ts.

const NOTHING = new Float32Array(0);

export class Ring {
    readonly planes: readonly Float32Array[];
    /** The reader's: the oldest frame that is still there, and the one after the newest. */
    first = 0;
    end = 0;
    readonly #length: number;

    constructor(planes: readonly Float32Array[]) {
        this.planes = planes;
        this.#length = planes[0]?.length ?? 0;
    }

    /** Writes so many frames, at most the whole length. What the planes lack is silent. */
    write(at: number, frames: number, planes: readonly Float32Array[]): void {
        for (const [c, plane] of this.planes.entries()) {
            const source = planes[c] ?? NOTHING;
            const count = Math.min(frames, source.length);
            let to = at % this.#length;
            for (let i = 0; i < frames; i++) {
                plane[to] = i < count ? (source[i] ?? 0) : 0;
                if (++to === this.#length) to = 0;
            }
        }
    }

    /** Copies frames to `out`, from `outAt` on. */
    read(at: number, frames: number, out: readonly Float32Array[], outAt: number): void {
        const before = Math.min(frames, Math.max(0, this.first - at));
        const inside = Math.max(0, Math.min(frames, this.end - at) - before);
        const from = (at + before) % this.#length;
        const head = Math.min(inside, this.#length - from);
        for (const [i, plane] of out.entries()) {
            const source = this.planes[i];
            const start = outAt + before;
            plane.fill(0, outAt, start);
            if (source) {
                // Most reads do not wrap around, and this runs for each block: no views without need.
                for (let k = 0; k < head; k++) plane[start + k] = source[from + k] ?? 0;
                for (let k = head; k < inside; k++) plane[start + k] = source[k - head] ?? 0;
            }
            plane.fill(0, source ? start + inside : start, outAt + frames);
        }
    }
}
