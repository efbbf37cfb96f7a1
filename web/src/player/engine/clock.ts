// SPDX-License-Identifier: MIT OR Apache-2.0
// The media clock: which media time is shown and heard now. It runs by itself, at a rate, and leans towards what is heard while there
// is sound. So sound may begin, end and begin again, and pictures never jump because of it.

/** How much faster or slower than its rate it runs while it leans. */
const MAX_LEAN = 0.1;
/** Sound that is further off is not followed: it has to be put right instead. */
export const MAX_LEAN_US = 120_000;

export class MediaClock {
    #us: number | undefined;
    #atMs = 0;
    #rate = 1;
    #isRunning = false;

    get isSet(): boolean {
        return this.#us !== undefined;
    }

    get isRunning(): boolean {
        return this.#isRunning;
    }

    get rate(): number {
        return this.#rate;
    }

    /** The present media time; undefined: playback has not begun. */
    timeUs(nowMs: number): number | undefined {
        if (this.#us === undefined || !this.#isRunning) return this.#us;
        return this.#us + Math.max(0, nowMs - this.#atMs) * 1000 * this.#rate;
    }

    #settle(nowMs: number): void {
        this.#us = this.timeUs(nowMs);
        this.#atMs = Math.max(nowMs, this.#atMs);
    }

    /** Goes on at this time; it runs or stands as before. */
    set(timeUs: number, nowMs: number): void {
        this.#us = timeUs;
        this.#atMs = nowMs;
    }

    /** There is no time until `set`. */
    clear(): void {
        this.#us = undefined;
        this.#isRunning = false;
        this.#rate = 1;
    }

    run(nowMs: number): void {
        this.#settle(nowMs);
        this.#isRunning = true;
    }

    stop(nowMs: number): void {
        this.#settle(nowMs);
        this.#isRunning = false;
    }

    setRate(rate: number, nowMs: number): void {
        this.#settle(nowMs);
        this.#rate = rate;
    }

    /** Leans towards what is heard now. Returns how far off that is, positive: it is ahead; beyond MAX_LEAN_US nothing was done. */
    follow(heardUs: number, nowMs: number): number {
        const before = this.#atMs;
        this.#settle(nowMs);
        if (this.#us === undefined || !this.#isRunning) return 0;
        const offUs = heardUs - this.#us;
        if (Math.abs(offUs) > MAX_LEAN_US) return offUs;
        const mostUs = Math.max(0, nowMs - before) * 1000 * MAX_LEAN * this.#rate;
        this.#us += Math.max(-mostUs, Math.min(mostUs, offUs));
        return offUs;
    }
}
