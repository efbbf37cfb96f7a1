// SPDX-License-Identifier: MIT OR Apache-2.0
// What page, worker and worklet have in common: three cells, one for each of them to write, and the ring. In one shared buffer if
// the page is isolated; else each place has its own and messages carry the changes.
import { Cell } from "./cell.ts";
import { Ring } from "./ring.ts";

/** So much can be written ahead. More throws the oldest away. */
export const RING_SECONDS = 4;
/** The writer overwrites so much at once, and the reader keeps so far away from the oldest. */
export const MARGIN_SECONDS = 0.25;
/** A hole up to this becomes silence; a longer one begins a new run. */
export const GAP_SECONDS = 2;

/** What the worker says. A run is sound without a hole: frame START is heard at START_US, NaN: there is none. */
export const Feed = {
    start: 0,
    startUs: 1,
    end: 2,
    /** Grows with each playFrom, pause and flush. */
    command: 3,
    isPlaying: 4,
    targetUs: 5,
    rate: 6,
} as const;

/** What the worklet says, once for each block. */
export const State = {
    /** Of the context: when the block begins that is told of. */
    contextFrame: 0,
    /** The media time there. */
    timeUs: 1,
    rate: 2,
    status: 3,
    /** The last one that was obeyed. */
    command: 4,
    /** The frame that is played; with a fraction while time is stretched. */
    position: 5,
    /** Written so far, as the worklet knows. */
    end: 6,
    underruns: 7,
    /** Frames that were overwritten before they could be played. */
    dropped: 8,
} as const;

export const Status = { idle: 0, waiting: 1, playing: 2 } as const;

/** What the page says. */
export const Page = {
    /** performance.now() of the page less the time of the context, as a frame is heard, in milliseconds. NaN: not known yet. */
    offsetMs: 0,
    isRunning: 1,
} as const;

const SIZES = { feed: 7, state: 9, page: 2 };
const CELL_WORDS = Cell.words(SIZES.feed) + Cell.words(SIZES.state) + Cell.words(SIZES.page);

export interface Memory {
    feed: Cell;
    state: Cell;
    page: Cell;
    ring: Ring;
}

/** Messages between worker and worklet, and from the page to the worklet, which passes `page` on. */
export interface Message {
    port?: MessagePort;
    feed?: Float64Array;
    state?: Float64Array;
    page?: Float64Array;
    samples?: { at: number; frames: number; planes: Float32Array[] };
    isClosed?: boolean;
}

/** How often the worklet tells of itself in messages. */
export const STATE_SECONDS = 0.02;

function ringFrames(sampleRate: number): number {
    return Math.ceil((RING_SECONDS + MARGIN_SECONDS) * sampleRate);
}

/** Bytes of the shared buffer. */
export function memorySize(sampleRate: number, channels: number): number {
    return 4 * (CELL_WORDS + channels * ringFrames(sampleRate));
}

/** `shared` undefined: memory of one place alone. */
export function openMemory(sampleRate: number, channels: number, shared?: SharedArrayBuffer): Memory {
    const frames = ringFrames(sampleRate);
    let words = 0;
    const cell = (count: number) => {
        if (!shared) return new Cell(count);
        const part = new Int32Array(shared, 4 * words, Cell.words(count));
        words += part.length;
        return new Cell(count, part);
    };
    const cells = { feed: cell(SIZES.feed), state: cell(SIZES.state), page: cell(SIZES.page) };
    const planes = Array.from({ length: channels }, (_, i) =>
        shared ? new Float32Array(shared, 4 * (CELL_WORDS + i * frames), frames) : new Float32Array(frames),
    );
    return { ...cells, ring: new Ring(planes) };
}
