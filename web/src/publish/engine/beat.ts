// SPDX-License-Identifier: MIT OR Apache-2.0
// A camera takes pictures at even times, but browsers date them when they arrive, some milliseconds early or late. Within a
// quarter of a step that is jitter, and is taken out; all other times stay as they are. So players show even steps, and readers that
// count in frames, as ffmpeg does, find one picture in each place.

/** The line of even times goes through about so many pictures. */
const MEMORY = 40;
/** Of a step. */
const JITTER = 0.25;
/** Pictures that come more rarely have no beat. */
const SLOWEST_US = 125_000;
/** So many may be missing in between. */
const MISSING_MAX = 3;
/** A beat that most pictures miss is none: each that is out of step counts for two that are in step. */
const STRAY_WEIGHT = 2;
const STRAY_MAX = 6;

export class Beat {
    /** The line: where it is, and how steep. */
    #atUs = 0;
    #stepUs = 0;
    #counted = 0;
    #strays = 0;
    #lastUs = -1;

    /** What comes now has nothing to do with what was before. */
    restart(): void {
        this.#counted = 0;
    }

    /** Where a picture belongs, which is never far from `timeUs`; whole microseconds, always rising. */
    place(timeUs: number): number {
        const placedUs = this.#counted > 1 ? this.#follow(timeUs) : this.#begin(timeUs);
        this.#lastUs = Math.max(Math.round(placedUs), this.#lastUs + 1);
        return this.#lastUs;
    }

    #begin(timeUs: number): number {
        const stepUs = timeUs - this.#atUs;
        const isStep = this.#counted === 1 && stepUs > 0 && stepUs <= SLOWEST_US;
        this.#counted = isStep ? 2 : 1;
        this.#stepUs = stepUs;
        this.#atUs = timeUs;
        this.#strays = 0;
        return timeUs;
    }

    #follow(timeUs: number): number {
        const steps = Math.max(1, Math.round((timeUs - this.#atUs) / this.#stepUs));
        const expectedUs = this.#atUs + steps * this.#stepUs;
        const offUs = timeUs - expectedUs;
        if (steps > 1 + MISSING_MAX || Math.abs(offUs) > JITTER * this.#stepUs) {
            this.#strays += STRAY_WEIGHT;
            return this.#strays > STRAY_MAX ? this.#begin(timeUs) : timeUs;
        }
        // The straight line through all pictures so far, as long as they are few; later ones count more.
        const n = Math.min(this.#counted + 1, MEMORY);
        this.#counted = n;
        this.#strays = Math.max(0, this.#strays - 1);
        this.#atUs = expectedUs + (offUs * 2 * (2 * n - 1)) / (n * (n + 1));
        this.#stepUs += (offUs * 6) / (n * (n + 1)) / steps;
        return this.#atUs;
    }
}
