// SPDX-License-Identifier: MIT OR Apache-2.0
// A queue that somebody iterates: values wait for the reader, or the reader for values.
// Tested by web/test/transfork/session.test.ts.

export interface Queue<T> extends AsyncIterable<T> {
    /** Whoever bounds the queue looks at this and drops what it wants. */
    readonly waiting: T[];
    push(value: T): void;
    /** The iteration ends once it has given what waits. */
    end(): void;
}

/** `onReturn` is called when the reader leaves its loop before the end. */
export function createQueue<T>(onReturn?: () => void): Queue<T> {
    const waiting: T[] = [];
    const readers: ((result: IteratorResult<T, undefined>) => void)[] = [];
    let hasEnded = false;
    const end = () => {
        hasEnded = true;
        for (const reader of readers.splice(0)) reader({ done: true, value: undefined });
    };
    return {
        waiting,
        push(value) {
            const reader = readers.shift();
            if (reader) reader({ done: false, value });
            else if (!hasEnded) waiting.push(value);
        },
        end,
        [Symbol.asyncIterator]: () => ({
            next() {
                const value = waiting.shift();
                if (value !== undefined) return Promise.resolve({ done: false, value });
                if (hasEnded) return Promise.resolve({ done: true, value: undefined });
                return new Promise((resolve) => readers.push(resolve));
            },
            return() {
                end();
                onReturn?.();
                return Promise.resolve({ done: true, value: undefined });
            },
        }),
    };
}
