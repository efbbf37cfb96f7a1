// SPDX-License-Identifier: MIT OR Apache-2.0
// Decides where decoded sound goes: its timestamps are rounded, jitter, drift against the count of samples, and sometimes jump.
import { GAP_SECONDS } from "./memory.ts";

/** Less is no hole and no overlap: sound is put where the last one ended, and the timeline follows slowly. */
export const TOLERANCE_SECONDS = 0.01;
/** The share of a deviation that is followed per second of sound: drift is, jitter is not. */
const FOLLOW_PER_SECOND = 1;

export interface Placing {
    /** Frames of silence before it. */
    silence: number;
    /** Frames of it that are not wanted, because they have been written already. */
    skip: number;
    /** It begins a new run; what has not been played is forgotten. */
    isRestart: boolean;
}

export class Timeline {
    /** The first frame of the run, its time (NaN: there is no run) and the frame after the last. */
    start = 0;
    startUs = Number.NaN;
    end = 0;
    readonly #sampleRate: number;

    constructor(sampleRate: number) {
        this.#sampleRate = sampleRate;
    }

    /** Ends the run. */
    reset(): void {
        this.start = this.end;
        this.startUs = Number.NaN;
    }

    frameOf(timeUs: number): number {
        return this.start + ((timeUs - this.startUs) * this.#sampleRate) / 1e6;
    }

    /** Places so many frames and moves `end` behind them. */
    place(timeUs: number, frames: number): Placing {
        const ahead = this.frameOf(timeUs) - this.end;
        // NaN, if there is no run, is a restart as well.
        if (!(Math.abs(ahead) <= GAP_SECONDS * this.#sampleRate)) {
            this.start = this.end;
            this.startUs = timeUs;
            this.end += frames;
            return { silence: 0, skip: 0, isRestart: true };
        }
        const isExact = Math.abs(ahead) <= TOLERANCE_SECONDS * this.#sampleRate;
        if (isExact)
            this.startUs +=
                (ahead * 1e6 * Math.min(1, FOLLOW_PER_SECOND * (frames / this.#sampleRate))) / this.#sampleRate;
        const shift = isExact ? 0 : Math.round(ahead);
        const skip = Math.min(frames, Math.max(0, -shift));
        // A hole ends with sound, never with nothing.
        const silence = frames > 0 ? Math.max(0, shift) : 0;
        this.end += silence + frames - skip;
        return { silence, skip, isRestart: false };
    }
}
