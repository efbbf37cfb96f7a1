// SPDX-License-Identifier: MIT OR Apache-2.0
// A few numbers that one thread writes and others read, all of one moment or none. Shared memory is guarded by a counter that is
// odd while they change, and nobody ever waits for it; without shared memory they are sent as a message.
// Tested by web/test/player/audio/memory.test.ts.

/** A reader that meets a writer this often in a row keeps what it has. */
const TRIES = 8;

export class Cell {
    readonly values: Float64Array;
    /** Without shared memory: takes a copy to the others. */
    send: ((values: Float64Array) => void) | undefined;
    readonly #words: Int32Array | undefined;
    readonly #scratch = new Float64Array(1);
    readonly #halves = new Int32Array(this.#scratch.buffer);
    readonly #spare: Float64Array;
    #seen = 0;
    #isNew = false;

    /** Of Int32 words for so many numbers; even, so that the next cell is aligned as well. */
    static words(count: number): number {
        return 2 + 2 * count;
    }

    constructor(count: number, words?: Int32Array) {
        this.values = new Float64Array(count);
        this.#spare = new Float64Array(count);
        this.#words = words;
    }

    /** Shows `values` to the others. One thread does this. */
    publish(): void {
        const words = this.#words;
        if (!words) {
            this.send?.(this.values.slice());
            return;
        }
        Atomics.add(words, 0, 1);
        for (let i = 0; i < this.values.length; i++) {
            this.#scratch[0] = this.values[i] ?? 0;
            Atomics.store(words, 2 + 2 * i, this.#halves[0] ?? 0);
            Atomics.store(words, 3 + 2 * i, this.#halves[1] ?? 0);
        }
        Atomics.add(words, 0, 1);
    }

    /** Brings `values` up to date; false: nothing is new. */
    take(): boolean {
        const words = this.#words;
        if (!words) {
            const isNew = this.#isNew;
            this.#isNew = false;
            return isNew;
        }
        for (let i = 0; i < TRIES; i++) {
            const before = Atomics.load(words, 0);
            if (before === this.#seen) return false;
            if (before & 1) continue;
            this.#copy(words);
            if (Atomics.load(words, 0) !== before) continue;
            this.values.set(this.#spare);
            this.#seen = before;
            return true;
        }
        return false;
    }

    /** What came in a message. */
    accept(values: Float64Array): void {
        this.values.set(values.subarray(0, this.values.length));
        this.#isNew = true;
    }

    #copy(words: Int32Array): void {
        for (let i = 0; i < this.#spare.length; i++) {
            this.#halves[0] = Atomics.load(words, 2 + 2 * i);
            this.#halves[1] = Atomics.load(words, 3 + 2 * i);
            this.#spare[i] = this.#scratch[0] ?? 0;
        }
    }
}
