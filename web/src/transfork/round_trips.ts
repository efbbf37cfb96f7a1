// SPDX-License-Identifier: MIT OR Apache-2.0
// How long the way to the peer and back takes, where the browser does not tell: the peer is asked something now and then, for as long
// as somebody wants to know. What page, worker and peer had to do first makes answers late and never early, so the quickest counts.

/** The peer is asked at most so often, and not while it has still to answer. */
const ASK_MS = 2000;
/** An answer that takes longer is none. */
export const ANSWER_MS = 5000;
/** The quickest of so many counts, for so long. */
const ANSWERS_MAX = 5;
const GOOD_MS = 15_000;
/** Who refuses to answer so often in a row is not asked again. */
const REFUSALS_MAX = 3;

export class RoundTrips {
    readonly #ask: (limitMs: number) => Promise<number | undefined>;
    #answers: { atMs: number; tookMs: number }[] = [];
    #askedMs = Number.NEGATIVE_INFINITY;
    #isAsking = false;
    #refusals = 0;

    /** `ask` asks the peer: how many milliseconds its answer took; undefined: it was none in time. Rejects if the peer refuses. */
    constructor(ask: (limitMs: number) => Promise<number | undefined>) {
        this.#ask = ask;
    }

    /** In milliseconds; undefined: not known yet. Whoever calls this wants to know it again soon. */
    shortestMs(nowMs: number): number | undefined {
        const isDue = nowMs - this.#askedMs >= ASK_MS && this.#refusals < REFUSALS_MAX;
        if (isDue && !this.#isAsking) void this.#askAgain(nowMs);
        this.#answers = this.#answers.filter(({ atMs }) => nowMs - atMs < GOOD_MS);
        if (this.#answers.length === 0) return undefined;
        return Math.min(...this.#answers.map(({ tookMs }) => tookMs));
    }

    async #askAgain(nowMs: number): Promise<void> {
        this.#askedMs = nowMs;
        this.#isAsking = true;
        try {
            const tookMs = await this.#ask(ANSWER_MS);
            this.#refusals = 0;
            if (tookMs !== undefined) this.#answers = [...this.#answers, { atMs: nowMs, tookMs }].slice(-ANSWERS_MAX);
        } catch {
            this.#refusals++;
        }
        this.#isAsking = false;
    }
}
