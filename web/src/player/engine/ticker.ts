// SPDX-License-Identifier: MIT OR Apache-2.0
// Calls once per picture of the screen: by requestAnimationFrame where a worker has it and the page is seen, else by a timer.
// Tested by tests/browser/player.mjs.

/** Without pictures of the screen (a hidden page, picture in picture): so often. */
const TIMER_MS = 16;
/** The screen is silent for so long: the timer takes over until it is back. */
const SILENT_MS = 100;

interface Frames {
    requestAnimationFrame?: (call: () => void) => number;
    cancelAnimationFrame?: (id: number) => void;
}

export class Ticker {
    readonly #call: () => void;
    readonly #frames: Frames = globalThis as Frames;
    #frame: number | undefined;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #seenMs = Number.NEGATIVE_INFINITY;
    #isRunning = false;

    constructor(call: () => void) {
        this.#call = call;
    }

    start(): void {
        if (this.#isRunning) return;
        this.#isRunning = true;
        this.#plan();
    }

    #plan(): void {
        if (!this.#isRunning) return;
        if (this.#frame === undefined && this.#frames.requestAnimationFrame)
            this.#frame = this.#frames.requestAnimationFrame(() => {
                this.#frame = undefined;
                this.#seenMs = performance.now();
                this.#run();
            });
        const isSeen = performance.now() - this.#seenMs < SILENT_MS;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#run(), isSeen ? SILENT_MS : TIMER_MS);
    }

    #run(): void {
        if (!this.#isRunning) return;
        try {
            this.#call();
        } finally {
            this.#plan();
        }
    }

    stop(): void {
        this.#isRunning = false;
        clearTimeout(this.#timer);
        if (this.#frame !== undefined) this.#frames.cancelAnimationFrame?.(this.#frame);
        this.#frame = undefined;
    }
}
