// SPDX-License-Identifier: MIT OR Apache-2.0
// From blocks of sound to the media time that is heard now: evenly, although blocks are asked for in bursts and the times of the
// device jitter. All clocks here are monotonic; times in milliseconds are performance.now() of the page.

/** A deviation of the device's clock is followed with this time constant. */
const FOLLOW_MS = 4000;
/** A deviation like this, so often in a row, is believed: the device stood still or was changed. */
const STEP_MS = 40;
const STEP_COUNT = 3;

/** Page time less context time, from pairs of both that jitter by some milliseconds. */
export class ClockOffset {
    /** NaN: not known. */
    offsetMs = Number.NaN;
    #count = 0;
    #steps = 0;
    #lastMs = 0;

    add(contextMs: number, pageMs: number): void {
        const error = pageMs - contextMs - this.offsetMs;
        const isStep = !(Math.abs(error) < STEP_MS);
        this.#steps = isStep ? this.#steps + 1 : 0;
        if (this.#count === 0 || this.#steps >= STEP_COUNT) {
            this.offsetMs = pageMs - contextMs;
            this.#count = 1;
            this.#steps = 0;
        } else if (!isStep) {
            // The mean at first, the newest more and more afterwards.
            this.#count++;
            this.offsetMs += error * Math.max(1 / this.#count, Math.min(1, (pageMs - this.#lastMs) / FOLLOW_MS));
        }
        this.#lastMs = pageMs;
    }

    reset(): void {
        this.offsetMs = Number.NaN;
        this.#count = 0;
        this.#steps = 0;
    }
}

/** Sound that runs evenly from a frame of the context on. */
interface Line {
    contextFrame: number;
    timeUs: number;
    rate: number;
    command: number;
}

/** What is heard now may be from before the last changes. */
const MAX_LINES = 8;
/** A block that is this far off the line begins a new one. */
const BEND_US = 300;
/** The clock runs on by itself for so long if blocks do not come, stands still, and is undefined at last. */
const RUN_ON_MS = 60;
const STALL_MS = 500;
/** A small correction is made by running this much faster or slower, a large one at once. In between, a clock that is ahead
 *  stands still. */
const SLEW = 0.1;
const STAND_US = 20_000;
const LARGE_US = 100_000;

export class MediaClock {
    readonly #framesPerMs: number;
    #lines: Line[] = [];
    #last: { pageMs: number; timeUs: number; command: number } | undefined;
    #newest = 0;

    constructor(sampleRate: number) {
        this.#framesPerMs = sampleRate / 1000;
    }

    /** Nothing is played. */
    reset(): void {
        this.#lines = [];
        this.#last = undefined;
    }

    /** A block of the worklet that plays. */
    addBlock(block: Line): void {
        const line = this.#lines.at(-1);
        this.#newest = block.contextFrame;
        const isSame =
            line?.rate === block.rate &&
            line.command === block.command &&
            Math.abs(this.#timeOn(line, block.contextFrame) - block.timeUs) < BEND_US;
        if (isSame) return;
        this.#lines.push(block);
        if (this.#lines.length > MAX_LINES) this.#lines.shift();
    }

    /** The media time at `pageMs`; undefined: not known, or what is heard is still from before `command`. */
    timeUs(pageMs: number, offsetMs: number, command?: number): number | undefined {
        const now = (pageMs - offsetMs) * this.#framesPerMs;
        const since = now - this.#newest;
        if (!(since < STALL_MS * this.#framesPerMs)) return undefined;
        const heard = Math.min(now, this.#newest + RUN_ON_MS * this.#framesPerMs);
        const line = this.#lines.findLast((one) => one.contextFrame <= heard) ?? this.#lines[0];
        if (!line || (command !== undefined && line.command !== command)) return undefined;
        return this.#smooth(line, this.#timeOn(line, heard), pageMs);
    }

    #timeOn({ contextFrame, timeUs, rate }: Line, frame: number): number {
        return timeUs + ((frame - contextFrame) * rate * 1000) / this.#framesPerMs;
    }

    #smooth({ command, rate }: Line, timeUs: number, pageMs: number): number {
        const last = this.#last;
        let smooth = timeUs;
        if (last?.command === command) {
            const passedUs = (pageMs - last.pageMs) * 1000;
            const even = last.timeUs + passedUs * rate;
            const error = timeUs - even;
            const limit = Math.max(0, passedUs) * rate * (error < -STAND_US ? 1 : SLEW);
            if (Math.abs(error) < LARGE_US) smooth = even + Math.max(-limit, Math.min(limit, error));
            if (passedUs <= 0) return smooth;
        }
        this.#last = { pageMs, timeUs: smooth, command };
        return smooth;
    }
}
