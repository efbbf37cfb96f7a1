// SPDX-License-Identifier: MIT OR Apache-2.0
// How much the network carries: less than what is encoded, if it is always behind. Then encoders get fewer bits. When much waits, it
// is of no use any more: groups are cut, and pictures left out until the network has caught up. When all has gone well for a while,
// encoders get more again.

/** Something is on its way for longer than that only if the network is behind. A group's end is acknowledged within a round trip. */
const BEHIND_MS = 700;
/** Who joins gets the newest group from its beginning, all at once. */
const JOIN_MS = 1_500;
/** Between two changes. */
const BETWEEN_MS = 1_000;
/** Encoders get so much of what the network has carried, because there is also what waits. */
const HEADROOM = 0.75;
/** With one change. */
const LEAST_STEP = 0.3;
const MOST_STEP = 0.85;
const LEAST_SHARE = 0.05;
const STEP_UP = 1.35;
/** Browsers and systems take a second or two of media before anything waits here, so trouble shows late. */
const QUIET_MS = 8_000;
/** After a step up that failed, the next one waits twice as long, up to this. */
const MAX_QUIET_MS = 64_000;
const TRIAL_MS = 8_000;
/** What waits is too much from so many seconds of media on, and little enough below the other. */
const FULL_S = 0.5;
const EMPTY_S = 0.1;
/** A rate that is not known yet is at least this. */
const LEAST_BPS = 100_000;
/** Rates are measured over so long. */
const WINDOW_MS = 1_000;

interface Look {
    atMs: number;
    writtenBytes: number;
    unsentBytes: number;
}

/** It holds no timers: `look` is called some times a second. */
export class Uplink {
    /** Of the bits that the encoders would get, 0 to 1. */
    share = 1;
    /** Much waits: what is left of groups is cut once, and pictures are left out. */
    isFull = false;
    readonly #looks: Look[] = [];
    #behindSinceMs: number | undefined;
    #joinedMs = 0;
    #changedMs = Number.NEGATIVE_INFINITY;
    #quietMs = QUIET_MS;
    #isTrial = false;

    /** What was there before is over: another connection may carry more. */
    restart(): void {
        this.share = 1;
        this.isFull = false;
        this.#looks.length = 0;
        this.#behindSinceMs = undefined;
        this.#changedMs = Number.NEGATIVE_INFINITY;
        this.#quietMs = QUIET_MS;
        this.#isTrial = false;
    }

    look(atMs: number, writtenBytes: number, unsentBytes: number): void {
        this.#looks.push({ atMs, writtenBytes, unsentBytes });
        while (atMs - (this.#looks[1]?.atMs ?? atMs) >= WINDOW_MS) this.#looks.shift();
        const { writtenBps } = this.#rates();
        if (writtenBps === 0) this.#joinedMs = atMs;
        if (unsentBytes === 0 || atMs - this.#joinedMs < JOIN_MS) this.#behindSinceMs = undefined;
        else this.#behindSinceMs ??= atMs;
        const isBehind = this.#behindSinceMs !== undefined && atMs - this.#behindSinceMs >= BEHIND_MS;
        const waitsS = (unsentBytes * 8) / Math.max(LEAST_BPS, writtenBps);
        const becomesFull = !this.isFull && isBehind && waitsS > FULL_S;
        if (becomesFull || (isBehind && atMs - this.#changedMs >= BETWEEN_MS)) this.#fall(atMs);
        else if (!isBehind && this.share < 1) this.#rise(atMs);
        this.isFull = becomesFull || (this.isFull && waitsS > EMPTY_S);
    }

    #rates(): { writtenBps: number; sentBps: number } {
        const [first, last] = [this.#looks[0], this.#looks.at(-1)];
        if (!first || !last || first === last) return { writtenBps: 0, sentBps: 0 };
        const perSecond = 8000 / (last.atMs - first.atMs);
        const written = last.writtenBytes - first.writtenBytes;
        return {
            writtenBps: written * perSecond,
            sentBps: Math.max(0, written - (last.unsentBytes - first.unsentBytes)) * perSecond,
        };
    }

    #fall(atMs: number): void {
        const { writtenBps, sentBps } = this.#rates();
        let step = Math.min(MOST_STEP, Math.max(LEAST_STEP, (HEADROOM * sentBps) / Math.max(1, writtenBps)));
        // Before a try that fails all was well.
        if (this.#isTrial && atMs - this.#changedMs < TRIAL_MS) {
            step = 1 / STEP_UP;
            this.#quietMs = Math.min(MAX_QUIET_MS, 2 * this.#quietMs);
        }
        this.#change(Math.max(LEAST_SHARE, this.share * step), false, atMs);
    }

    #rise(atMs: number): void {
        if (this.#isTrial && atMs - this.#changedMs >= TRIAL_MS) this.#quietMs = QUIET_MS;
        if (atMs - this.#changedMs >= this.#quietMs) this.#change(Math.min(1, this.share * STEP_UP), true, atMs);
    }

    #change(share: number, isTrial: boolean, atMs: number): void {
        this.share = share;
        this.#isTrial = isTrial;
        this.#changedMs = atMs;
    }
}
