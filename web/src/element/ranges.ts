// SPDX-License-Identifier: MIT OR Apache-2.0
// Ranges of time with the methods of HTML's TimeRanges, which pages cannot make themselves.
// Tested by web/test/element/words.test.ts.

export interface TimeSpan {
    start: number;
    end: number;
}

/** None or one: what is live has no gaps to tell of. */
export class LiveRanges implements TimeRanges {
    readonly #spans: readonly TimeSpan[];

    constructor(span?: TimeSpan) {
        this.#spans = span && span.end >= span.start ? [span] : [];
    }

    get length(): number {
        return this.#spans.length;
    }

    start(index: number): number {
        return this.#at(index).start;
    }

    end(index: number): number {
        return this.#at(index).end;
    }

    #at(index: number): TimeSpan {
        const span = this.#spans[index];
        if (!span) throw new DOMException(`There is no range ${index} of ${this.length}.`, "IndexSizeError");
        return span;
    }
}
