// SPDX-License-Identifier: MIT OR Apache-2.0
// How much there was lately, in a second.
// Tested by tests/browser/publish.mjs.

const WINDOW_MS = 2000;
/** A rate over less than that would be a guess. */
const LEAST_MS = 1000;

export class Rate {
    readonly #counted: { atMs: number; amount: number }[] = [];
    #sum = 0;
    #beganMs: number | undefined;

    count(nowMs: number, amount: number): void {
        this.#beganMs ??= nowMs;
        this.#counted.push({ atMs: nowMs, amount });
        this.#sum += amount;
        this.#forget(nowMs);
    }

    perSecond(nowMs: number): number {
        this.#forget(nowMs);
        const sinceMs = nowMs - (this.#beganMs ?? nowMs);
        return (this.#sum * 1000) / Math.min(WINDOW_MS, Math.max(LEAST_MS, sinceMs));
    }

    #forget(nowMs: number): void {
        for (let first = this.#counted[0]; first && nowMs - first.atMs > WINDOW_MS; first = this.#counted[0]) {
            this.#sum -= first.amount;
            this.#counted.shift();
        }
        if (this.#counted.length === 0) this.#beganMs = undefined;
    }
}
