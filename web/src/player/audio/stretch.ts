// SPDX-License-Identifier: MIT OR Apache-2.0
// Plays the ring faster or slower with the pitch kept (WSOLA). Sound is copied as it is until the place that should be played is
// too far from the place that is; then it is blended, over one hop, into the place nearby whose waveform fits best. At rate 1
// nothing is computed.
import type { Ring } from "./ring.ts";

const HOP_SECONDS = 0.012;
/** How far from its due place sound may be. Both directions together hold one period of the lowest tone: 42 Hz. */
const SEARCH_SECONDS = 0.012;
/** The rough search sees so few samples per second. */
const ROUGH_RATE = 12000;

/** Rises from 0 to 1 in so many steps without a corner; the falling one is 1 less it. */
export function makeFade(frames: number): Float32Array {
    return Float32Array.from({ length: frames }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / frames));
}

/** The part of the samples that counts. */
interface Waveform {
    samples: Float32Array;
    length: number;
}

/** How far into `region` the pattern fits best, of so many places; `otherwise` if nothing fits. */
function findBest(pattern: Waveform, region: Float32Array, from: number, count: number, otherwise: number): number {
    const { samples, length } = pattern;
    let energy = 1e-9;
    for (let i = 0; i < length; i++) energy += (region[from + i] ?? 0) ** 2;
    let best = otherwise;
    let bestScore = 0;
    for (let at = 0; at < count; at++) {
        const start = from + at;
        let product = 0;
        for (let i = 0; i < length; i++) product += (samples[i] ?? 0) * (region[start + i] ?? 0);
        const score = product > 0 ? (product * product) / energy : 0;
        if (score > bestScore) {
            bestScore = score;
            best = at;
        }
        if (at + 1 < count) energy += (region[start + length] ?? 0) ** 2 - (region[start] ?? 0) ** 2;
        if (energy < 1e-9) energy = 1e-9;
    }
    return best;
}

/** One channel of many. They weigh a little differently, so that opposite ones do not cancel out. */
function mixDown(planes: readonly Float32Array[], frames: number, mono: Float32Array): void {
    for (const [c, plane] of planes.entries()) {
        const weight = 1 - c / 10;
        if (c === 0) mono.set(plane.subarray(0, frames));
        else for (let i = 0; i < frames; i++) mono[i] = (mono[i] ?? 0) + weight * (plane[i] ?? 0);
    }
}

/** Sums of `step` samples; returns how many. */
function thinOut(samples: Float32Array, frames: number, step: number, out: Float32Array): number {
    const count = Math.floor(frames / step);
    for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let k = i * step; k < (i + 1) * step; k++) sum += samples[k] ?? 0;
        out[i] = sum;
    }
    return count;
}

export class Stretch {
    /** Taken at the next hop. */
    rate = 1;
    /** The place that is due, in frames: it runs evenly, which is what a clock wants. */
    due = 0;
    /** The rate of what is given next. */
    rateNow = 1;
    /** The frame that follows what has been given. */
    #next = 0;
    #left = 0;
    readonly #ring: Ring;
    readonly #hop: number;
    readonly #reach: number;
    readonly #step: number;
    readonly #fade: Float32Array;
    readonly #blended: Float32Array[];
    readonly #from: Float32Array[];
    readonly #region: Float32Array[];
    readonly #mono: Float32Array;
    readonly #pattern: Float32Array;
    readonly #thinMono: Float32Array;
    readonly #thinPattern: Float32Array;

    constructor(ring: Ring, sampleRate: number) {
        this.#ring = ring;
        this.#step = Math.max(1, Math.round(sampleRate / ROUGH_RATE));
        this.#hop = Math.round(HOP_SECONDS * sampleRate);
        this.#reach = Math.round(SEARCH_SECONDS * sampleRate);
        this.#fade = makeFade(this.#hop);
        const planes = (frames: number) => ring.planes.map(() => new Float32Array(frames));
        const region = this.#hop + 2 * this.#reach + 1;
        this.#blended = planes(this.#hop);
        this.#from = planes(this.#hop);
        this.#region = planes(region);
        this.#mono = new Float32Array(region);
        this.#pattern = new Float32Array(this.#hop);
        this.#thinMono = new Float32Array(region);
        this.#thinPattern = new Float32Array(this.#hop);
    }

    /** How much can be given at least. */
    get available(): number {
        return this.#left + this.#ring.end - this.#next;
    }

    jumpTo(frame: number): void {
        this.#next = frame;
        this.#left = 0;
        this.due = frame;
    }

    /** Gives the next frames. */
    pull(out: readonly Float32Array[], frames: number): void {
        for (let at = 0; at < frames; ) {
            if (this.#left === 0 && this.rate !== 1) this.#makeHop();
            const count = Math.min(frames - at, this.#left || frames);
            if (this.#left > 0) this.#copyHop(out, at, count);
            else {
                this.#ring.read(this.#next, count, out, at);
                this.#next += count;
                this.due = this.#next;
                this.rateNow = 1;
            }
            at += count;
        }
    }

    #copyHop(out: readonly Float32Array[], at: number, count: number): void {
        const from = this.#hop - this.#left;
        for (const [i, plane] of out.entries()) {
            const source = this.#blended[i];
            if (source) for (let k = 0; k < count; k++) plane[at + k] = source[from + k] ?? 0;
        }
        this.#left -= count;
        this.due += count * this.rateNow;
    }

    /** Blends what would follow into what should; nothing if too little has been written to choose from. */
    #makeHop(): void {
        const hop = this.#hop;
        // In the middle of the next fade, which is at the end of this hop, sound is where it is due.
        const due = Math.round(this.due + (this.rate - 1) * hop);
        const low = due - this.#reach;
        const high = Math.min(due + this.#reach, this.#ring.end - hop);
        if (high < low || this.#next + hop > this.#ring.end) return;
        this.#ring.read(this.#next, hop, this.#from, 0);
        const isNear = this.#next >= low && this.#next <= high;
        const to = isNear ? this.#next : this.#findPlace(low, high, Math.min(due, high));
        if (!isNear) this.#ring.read(to, hop, this.#region, 0);
        for (const [c, from] of this.#from.entries()) {
            const target = isNear ? from : (this.#region[c] ?? from);
            const blended = this.#blended[c] ?? from;
            for (let i = 0; i < hop; i++) {
                const a = from[i] ?? 0;
                blended[i] = a + ((target[i] ?? 0) - a) * (this.#fade[i] ?? 0);
            }
        }
        this.#next = to + hop;
        this.#left = hop;
        this.rateNow = this.rate;
    }

    /** A rough search over everything, then a fine one around what it found. */
    #findPlace(low: number, high: number, otherwise: number): number {
        const hop = this.#hop;
        const step = this.#step;
        const span = high - low;
        this.#ring.read(low, span + hop, this.#region, 0);
        mixDown(this.#region, span + hop, this.#mono);
        mixDown(this.#from, hop, this.#pattern);
        const count = thinOut(this.#mono, span + hop, step, this.#thinMono);
        const length = thinOut(this.#pattern, hop, step, this.#thinPattern);
        const thin = { samples: this.#thinPattern, length };
        const middle = Math.round((otherwise - low) / step);
        const about = step * findBest(thin, this.#thinMono, 0, count - length + 1, middle);
        const from = Math.max(0, Math.min(about, span) - step);
        const to = Math.min(span, about + step);
        const full = { samples: this.#pattern, length: hop };
        return low + from + findBest(full, this.#mono, from, to - from + 1, Math.min(about, span) - from);
    }
}
