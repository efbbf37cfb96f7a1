// SPDX-License-Identifier: MIT OR Apache-2.0
// How fast to play so that the latency becomes what it should be: a pure function of how far off it is.

/** What a network may need beyond the latency that was asked for; with more, frames are skipped instead. */
export const MAX_EXTRA_MS = 4000;
/** Further behind than this, playback skips to live. */
export const SKIP_BEHIND_MS = 2000;
/** The viewer waits for a new latency. What is further from it than this is reached by one jump, forwards or back. */
export const JUMP_HASTY_MS = 500;
/** Errors up to this much are left alone; a correction ends at the smaller one. */
const BEGIN_CORRECTING_MS = 40;
const END_CORRECTING_MS = 10;
/** Nobody hears a rate of 5 % more or less. */
const GENTLE = 0.05;
/** For errors of several hundred milliseconds. */
const FIRM = 0.12;
/** For a new latency, for a second or two: speech is understood, and music bears it. */
export const SLOWEST = 0.6;
export const FASTEST = 1.5;
/** An error is corrected with this time constant, up to the limits above. */
const GENTLE_MS = 4000;
const HASTY_MS = 400;
/** Rates change by steps of this, so that sound is not set anew all the time. */
const STEP = 0.01;

export interface Situation {
    /** How far playback is behind live. */
    behindMs: number;
    targetMs: number;
    /** The viewer has just changed the latency. */
    isHasty: boolean;
    /** The rate that is in force. */
    rate: number;
}

export interface Pace {
    rate: number;
    /** Too far off to get there by the rate. */
    isJump: boolean;
}

/** The latency to play at. */
export function targetOf(latencyMs: number, neededMs: number): number {
    return Math.max(latencyMs, Math.min(neededMs, latencyMs + MAX_EXTRA_MS));
}

function limited(value: number, low: number, high: number): number {
    return Math.max(low, Math.min(high, value));
}

export function choosePace({ behindMs, targetMs, isHasty, rate }: Situation): Pace {
    const errorMs = behindMs - targetMs;
    if (!isHasty && errorMs > SKIP_BEHIND_MS) return { rate: 1, isJump: true };
    const size = Math.abs(errorMs);
    if (size < (rate === 1 ? BEGIN_CORRECTING_MS : END_CORRECTING_MS)) return { rate: 1, isJump: false };
    // Past the aim: the correction has done what it should.
    if (!isHasty && rate !== 1 && errorMs > 0 !== rate > 1 && size < BEGIN_CORRECTING_MS)
        return { rate: 1, isJump: false };
    let change: number;
    if (isHasty) change = limited(errorMs / HASTY_MS, SLOWEST - 1, FASTEST - 1);
    else {
        const most = size > 300 ? FIRM : GENTLE;
        change = limited(errorMs / GENTLE_MS, -most, most);
    }
    // A step at least, or the last milliseconds would take minutes.
    if (Math.abs(change) < STEP) change = errorMs > 0 ? STEP : -STEP;
    return { rate: 1 + Math.round(change / STEP) * STEP, isJump: isHasty && size > JUMP_HASTY_MS };
}
