// SPDX-License-Identifier: MIT OR Apache-2.0
// What the worklet plays, block by block: obeys the worker, starts, stops and jumps without a click, and waits when it runs dry.
// Nothing of the browser is in here.
// Tested by web/test/player/audio/feed.test.ts.
import { Feed, GAP_SECONDS, MARGIN_SECONDS, type Memory, RING_SECONDS, State, Status } from "./memory.ts";
import { makeFade, Stretch } from "./stretch.ts";

/** Of starts, ends and jumps. */
const FADE_SECONDS = 0.008;
/** So much has to be there again after it ran dry. */
export const RESUME_SECONDS = 0.05;

export class Voice {
    readonly #memory: Memory;
    readonly #sampleRate: number;
    readonly #stretch: Stretch;
    readonly #fade: Float32Array;
    /** The end of what was played before the last cut, faded out. */
    #tail: Float32Array[];
    #spare: Float32Array[];
    #tailAt: number;
    /** How far the beginning is faded in. */
    #fadeAt = 0;
    #status: number = Status.idle;
    /** The first frame of the run. */
    #start = 0;
    /** playFrom came, and there was no run yet that tells which frame it means. */
    #isTargetOpen = false;
    /** What has to be there before it begins. */
    #wanted = 0;

    constructor(memory: Memory, sampleRate: number) {
        this.#memory = memory;
        this.#sampleRate = sampleRate;
        this.#stretch = new Stretch(memory.ring, sampleRate);
        this.#fade = makeFade(Math.round(FADE_SECONDS * sampleRate));
        const planes = () => memory.ring.planes.map(() => new Float32Array(this.#fade.length));
        this.#tail = planes();
        this.#spare = planes();
        this.#tailAt = this.#fade.length;
        memory.feed.values[Feed.startUs] = Number.NaN;
        memory.feed.values[Feed.rate] = 1;
    }

    /** Fills the block; returns whether something changed that the worker should hear of at once. */
    render(out: readonly Float32Array[], contextFrame: number): boolean {
        const frames = out[0]?.length ?? 0;
        const { state, feed } = this.#memory;
        const before = this.#status;
        const isNew = this.#obey();
        this.#keepInside();
        this.#startOrStop(frames);
        state.values[State.contextFrame] = contextFrame;
        state.values[State.timeUs] = this.#timeUsOf(this.#stretch.due);
        state.values[State.rate] = this.#stretch.rateNow;
        state.values[State.status] = this.#status;
        state.values[State.position] = this.#stretch.due;
        state.values[State.end] = feed.values[Feed.end] ?? 0;
        this.#mix(out, frames);
        return isNew || before !== this.#status;
    }

    #timeUsOf(frame: number): number {
        const { values } = this.#memory.feed;
        return (values[Feed.startUs] ?? 0) + ((frame - this.#start) * 1e6) / this.#sampleRate;
    }

    /** Follows what the worker says; true: it was a command. */
    #obey(): boolean {
        const { feed, ring, state } = this.#memory;
        const { values } = feed;
        if (!feed.take()) return false;
        const isCommand = values[Feed.command] !== state.values[State.command];
        const isRun = values[Feed.start] !== this.#start;
        // The old sound ends in what may still be read of it.
        if (isCommand || isRun) this.#cut();
        this.#start = values[Feed.start] ?? 0;
        ring.end = values[Feed.end] ?? 0;
        ring.first = Math.max(this.#start, ring.end - RING_SECONDS * this.#sampleRate);
        this.#stretch.rate = values[Feed.rate] ?? 1;
        if (isCommand) {
            state.values[State.command] = values[Feed.command] ?? 0;
            this.#isTargetOpen = values[Feed.isPlaying] === 1;
            this.#status = this.#isTargetOpen ? Status.waiting : Status.idle;
            this.#wanted = 0;
        } else if (isRun && this.#status !== Status.idle) {
            this.#status = Status.waiting;
            this.#wanted = RESUME_SECONDS * this.#sampleRate;
            if (!this.#isTargetOpen) this.#stretch.jumpTo(ring.first);
        }
        if (this.#isTargetOpen && !Number.isNaN(values[Feed.startUs])) this.#aim();
        return isCommand || isRun;
    }

    /** Goes to the time of playFrom, through silence if it is a little before the first sound. */
    #aim(): void {
        const { feed, ring } = this.#memory;
        const { values } = feed;
        const start = this.#start;
        const since = ((values[Feed.targetUs] ?? 0) - (values[Feed.startUs] ?? 0)) * (this.#sampleRate / 1e6);
        const target = Math.round(start + since);
        const isReachable =
            target >= ring.first || (ring.first === start && start - target < GAP_SECONDS * this.#sampleRate);
        this.#stretch.jumpTo(isReachable ? target : ring.first);
        this.#isTargetOpen = false;
    }

    /** The writer has overtaken: the oldest is gone. */
    #keepInside(): void {
        const { ring, state } = this.#memory;
        if (this.#status === Status.idle || this.#isTargetOpen || ring.first === this.#start) return;
        if (this.#stretch.due >= ring.first) return;
        const target = Math.ceil(ring.first + MARGIN_SECONDS * this.#sampleRate);
        state.values[State.dropped] = (state.values[State.dropped] ?? 0) + target - Math.floor(this.#stretch.due);
        this.#cut();
        this.#stretch.jumpTo(target);
    }

    #startOrStop(frames: number): void {
        const { state } = this.#memory;
        // Enough for this block and for the fade, should nothing more come.
        const needed = frames + this.#fade.length;
        const { available } = this.#stretch;
        if (this.#status === Status.playing && available < needed) {
            this.#cut();
            this.#status = Status.waiting;
            this.#wanted = RESUME_SECONDS * this.#sampleRate;
            state.values[State.underruns] = (state.values[State.underruns] ?? 0) + 1;
        } else if (
            this.#status === Status.waiting &&
            !this.#isTargetOpen &&
            available >= Math.max(needed, this.#wanted)
        ) {
            this.#status = Status.playing;
            this.#fadeAt = 0;
        }
    }

    /** Lets what is heard fade out below whatever comes next. */
    #cut(): void {
        if (this.#status !== Status.playing && this.#tailAt === this.#fade.length) return;
        const { length } = this.#fade;
        this.#mix(this.#spare, length);
        for (const plane of this.#spare) {
            for (let i = 0; i < length; i++) plane[i] = (plane[i] ?? 0) * (this.#fade[length - 1 - i] ?? 0);
        }
        [this.#tail, this.#spare] = [this.#spare, this.#tail];
        this.#tailAt = 0;
        this.#fadeAt = 0;
    }

    #mix(out: readonly Float32Array[], frames: number): void {
        const { length } = this.#fade;
        const tailFrames = Math.min(frames, length - this.#tailAt);
        const fadeFrames = Math.min(frames, length - this.#fadeAt);
        const isPlaying = this.#status === Status.playing;
        if (isPlaying) this.#stretch.pull(out, frames);
        for (const [c, plane] of out.entries()) {
            const tail = this.#tail[c];
            if (!isPlaying) plane.fill(0);
            else for (let i = 0; i < fadeFrames; i++) plane[i] = (plane[i] ?? 0) * (this.#fade[this.#fadeAt + i] ?? 0);
            if (tail) for (let i = 0; i < tailFrames; i++) plane[i] = (plane[i] ?? 0) + (tail[this.#tailAt + i] ?? 0);
        }
        this.#tailAt += tailFrames;
        if (isPlaying) this.#fadeAt += fadeFrames;
    }
}
