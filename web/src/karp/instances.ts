// SPDX-License-Identifier: MIT OR Apache-2.0
// The instances of a broadcast that are announced. A viewer watches the newest, and falls back when it ends.

const DIGITS_MAX = 39;
/** The newest of them are kept. */
export const INSTANCES_MAX = 64;

/** Anything else below a broadcast is no instance. */
export function isInstance(text: string): boolean {
    return text.length <= DIGITS_MAX && /^\d+$/.test(text);
}

/** Compares as numbers, whatever their lengths. */
export function compareInstances(a: string, b: string): number {
    const [x, y] = [a.replace(/^0+(?=\d)/, ""), b.replace(/^0+(?=\d)/, "")];
    if (x.length !== y.length) return x.length - y.length;
    return x < y ? -1 : x > y ? 1 : 0;
}

/** The id of a new instance: the time, but above the last one, whatever the clock does. */
export function nextInstance(nowMs: number, last = 0): number {
    return Math.max(Math.floor(nowMs), last + 1);
}

export class Instances {
    readonly #active = new Set<string>();
    /** The newest of those that found no place. All that are kept are newer, so that the newest of all is among them. */
    #newestForgotten: string | undefined;

    add(id: string): void {
        if (!isInstance(id) || this.#active.has(id)) return;
        if (this.#newestForgotten !== undefined && compareInstances(id, this.#newestForgotten) <= 0) return;
        this.#active.add(id);
        if (this.#active.size <= INSTANCES_MAX) return;
        const oldest = [...this.#active].reduce((a, b) => (compareInstances(b, a) < 0 ? b : a));
        this.#active.delete(oldest);
        this.#newestForgotten = oldest;
    }

    remove(id: string): void {
        this.#active.delete(id);
    }

    clear(): void {
        this.#active.clear();
        this.#newestForgotten = undefined;
    }

    get newest(): string | undefined {
        let newest: string | undefined;
        for (const id of this.#active) if (newest === undefined || compareInstances(id, newest) > 0) newest = id;
        return newest;
    }

    /** None is left of those that were kept, but there were others: only the peer knows which of them there are still. */
    get areUnknown(): boolean {
        return this.#active.size === 0 && this.#newestForgotten !== undefined;
    }
}
