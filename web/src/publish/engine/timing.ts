// SPDX-License-Identifier: MIT OR Apache-2.0
// When things are: one time line for all sources of a broadcast, and which frames become keyframes.

/** How fast the offset may grow when a source's clock runs slower than ours: 500 parts in a million. */
const DRIFT = 500e-6;
/** All that came within so long was later than it should be: the source has paused, or has another zero. */
const WINDOW_US = 2e6;
const LATE_US = 20_000;

/** Puts the timestamps of one source on our clock, by the shortest way that a frame has taken lately. */
export class Timeline {
    readonly #originUs: number;
    #offsetUs: number | undefined;
    #windowUs = { since: 0, least: Number.POSITIVE_INFINITY };
    #lastNowUs = 0;
    #lastTimestampUs = Number.NEGATIVE_INFINITY;
    #lastUs = -1;

    /** The zero of the time line; all times of ours are in milliseconds of performance.now(). */
    constructor(originMs: number) {
        this.#originUs = originMs * 1000;
    }

    /** Another source follows, which may have another zero. */
    restart(): void {
        this.#offsetUs = undefined;
    }

    /** Whole microseconds since the origin, always rising. */
    place(timestampUs: number, nowMs: number): number {
        const nowUs = nowMs * 1000;
        const offsetUs = nowUs - timestampUs;
        // A file that begins again has its old zero again.
        if (timestampUs < this.#lastTimestampUs) this.#offsetUs = undefined;
        this.#lastTimestampUs = timestampUs;
        if (this.#offsetUs === undefined) this.#begin(offsetUs, nowUs);
        else this.#follow(this.#offsetUs, offsetUs, nowUs);
        this.#lastNowUs = nowUs;
        return this.#rise(timestampUs + (this.#offsetUs ?? offsetUs) - this.#originUs);
    }

    #begin(offsetUs: number, nowUs: number): void {
        this.#offsetUs = offsetUs;
        this.#windowUs = { since: nowUs, least: offsetUs };
    }

    #follow(beforeUs: number, offsetUs: number, nowUs: number): void {
        const window = this.#windowUs;
        window.least = Math.min(window.least, offsetUs);
        this.#offsetUs = Math.min(offsetUs, beforeUs + Math.max(0, nowUs - this.#lastNowUs) * DRIFT);
        if (nowUs - window.since < WINDOW_US) return;
        if (window.least > this.#offsetUs + LATE_US) this.#offsetUs = window.least;
        this.#windowUs = { since: nowUs, least: Number.POSITIVE_INFINITY };
    }

    /** For what is made now and has no time of its own. */
    placeNow(nowMs: number): number {
        return this.#rise(nowMs * 1000 - this.#originUs);
    }

    #rise(us: number): number {
        this.#lastUs = Math.max(Math.round(us), this.#lastUs + 1, 0);
        return this.#lastUs;
    }
}

/** Which frames are keyframes: at regular times, whatever has been dropped in between, and whenever somebody asks. */
export class Keyframes {
    readonly #intervalUs: number;
    readonly #earlyUs: number;
    #lastUs: number | undefined;

    constructor(intervalS: number, framerate: number) {
        this.#intervalUs = intervalS * 1e6;
        this.#earlyUs = 0.5e6 / framerate;
    }

    /** The next frame is one. */
    ask(): void {
        this.#lastUs = undefined;
    }

    isDue(timeUs: number): boolean {
        // The nearest frame is one, even if it comes a little early: the next would be most of a step late.
        const sinceUs = this.#lastUs === undefined ? undefined : timeUs + this.#earlyUs - this.#lastUs;
        if (sinceUs !== undefined && sinceUs < this.#intervalUs) return false;
        // On the grid of the interval, so that dropped frames do not shift all that follow; but never two in a short time.
        const isOnGrid = sinceUs !== undefined && sinceUs < 1.5 * this.#intervalUs;
        this.#lastUs = isOnGrid ? (this.#lastUs ?? 0) + this.#intervalUs : timeUs;
        return true;
    }
}

/** Leaves out frames of a source that is faster than it should be. */
export class Thinner {
    readonly #stepUs: number;
    #nextUs: number | undefined;

    constructor(framerate: number) {
        this.#stepUs = 1e6 / framerate;
    }

    isTaken(timeUs: number): boolean {
        // A frame that comes a little early belongs to the next place.
        if (this.#nextUs !== undefined && timeUs < this.#nextUs - this.#stepUs / 4) return false;
        const isInStep = this.#nextUs !== undefined && timeUs - this.#nextUs < this.#stepUs;
        this.#nextUs = (isInStep ? (this.#nextUs ?? 0) : timeUs) + this.#stepUs;
        return true;
    }
}

/** A window is judged when it has so many frames. */
const STRAIN_FRAMES = 150;
const STRAIN_SHARE = 0.2;
/** One window may have been a hiccup. */
const STRAIN_WINDOWS = 2;

/** Whether the machine is too slow for what it has to encode: it drops a fifth of the frames, window after window. */
export class Strain {
    #frames = 0;
    #dropped = 0;
    #windows = 0;

    /** True once when it has become clear. */
    count(isDropped: boolean): boolean {
        this.#frames++;
        this.#dropped += +isDropped;
        if (this.#frames < STRAIN_FRAMES) return false;
        this.#windows = this.#dropped > STRAIN_SHARE * this.#frames ? this.#windows + 1 : 0;
        this.#frames = this.#dropped = 0;
        if (this.#windows < STRAIN_WINDOWS) return false;
        this.#windows = 0;
        return true;
    }
}
