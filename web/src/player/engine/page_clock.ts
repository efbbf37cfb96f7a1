// SPDX-License-Identifier: MIT OR Apache-2.0
// What the page's clock says, for a worker. performance.now() counts from another moment in each of them, and performance.timeOrigin tells
// how far these are apart only until somebody sets the machine's clock: Chromium 156 reads that anew for each worker. So the page sends its
// time again and again, and the message that came fastest is nearest to the truth. Both run on the same steady clock and stay as far apart.

export class PageClock {
    /** Ours less the page's, and the shortest way of a message so far. */
    #aheadMs = Number.POSITIVE_INFINITY;

    /** A message says that it was `pageMs` when it was sent. */
    note(pageMs: number, nowMs: number): void {
        this.#aheadMs = Math.min(this.#aheadMs, nowMs - pageMs);
    }

    /** performance.now() of the page at our `nowMs`; the same before the first message. */
    at(nowMs: number): number {
        return Number.isFinite(this.#aheadMs) ? nowMs - this.#aheadMs : nowMs;
    }
}
