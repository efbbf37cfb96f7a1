// SPDX-License-Identifier: MIT OR Apache-2.0
// Where sound is on the time line. An encoder counts samples from its first one on and knows of no gaps, and it gives its packets
// times of its own; so we count too, and remember what time each piece had that went in.

/** Up to here a difference is jitter or drift, and is followed slowly. Beyond it, samples are missing. */
const GAP_US = 60_000;
/** So much of a difference is made up for with each piece. */
const FOLLOW = 0.02;
/** Pieces that may be inside of an encoder. */
const PIECES_MAX = 256;

interface Piece {
    /** By the samples that went in before it. */
    countedUs: number;
    offsetUs: number;
}

export class SoundClock {
    readonly #sampleRate: number;
    #samples = 0;
    readonly #pieces: Piece[] = [];
    #packetsUs = 0;
    /** Where the last packet ends. */
    #freeUs = 0;

    constructor(sampleRate: number) {
        this.#sampleRate = sampleRate;
    }

    /** A piece goes into the encoder; returns the timestamp that it is to have there. */
    push(placedUs: number, samples: number): number {
        const countedUs = (this.#samples * 1e6) / this.#sampleRate;
        const differenceUs = placedUs - countedUs;
        const before = this.#pieces.at(-1)?.offsetUs ?? differenceUs;
        const isGap = Math.abs(differenceUs - before) > GAP_US;
        this.#pieces.push({ countedUs, offsetUs: isGap ? differenceUs : before + FOLLOW * (differenceUs - before) });
        if (this.#pieces.length > PIECES_MAX) this.#pieces.shift();
        this.#samples += samples;
        return Math.round(countedUs);
    }

    /** A packet comes out; returns its place on the time line. Undefined: most of that place is taken, so it is left out. */
    pull(durationUs: number): number | undefined {
        const countedUs = this.#packetsUs;
        this.#packetsUs += durationUs;
        while ((this.#pieces[1]?.countedUs ?? Number.POSITIVE_INFINITY) <= countedUs) this.#pieces.shift();
        const us = Math.max(Math.round(countedUs + (this.#pieces[0]?.offsetUs ?? 0)), 0);
        if (us < this.#freeUs - durationUs / 2) return undefined;
        this.#freeUs = us + durationUs;
        return us;
    }
}
