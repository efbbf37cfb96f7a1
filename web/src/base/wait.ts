// SPDX-License-Identifier: MIT OR Apache-2.0
// Waiting: for a while, for a promise but not for ever, for something to change.
// Tested by web/test/transfork/session.test.ts.

/** Resolves after `ms`, or when `signal` aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const done = () => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", done);
            resolve();
        };
        const timer = setTimeout(done, ms);
        signal?.addEventListener("abort", done);
    });
}

/** What `promise` gives, or undefined after `ms`. */
export function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, ms, undefined);
        promise.then(resolve, reject).finally(() => clearTimeout(timer));
    });
}

/** What `promise` gives, or undefined once `signal` aborts. */
export function unless<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
        const give = () => resolve(undefined);
        if (signal.aborted) give();
        signal.addEventListener("abort", give);
        promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", give));
    });
}

/** A promise that somebody else settles. */
export interface Deferred<T> {
    promise: Promise<T>;
    resolve(value: T): void;
    reject(error: Error): void;
}

export function defer<T>(): Deferred<T> {
    let resolve: Deferred<T>["resolve"] = () => {};
    let reject: Deferred<T>["reject"] = () => {};
    const promise = new Promise<T>((...settle) => {
        [resolve, reject] = settle;
    });
    return { promise, resolve, reject };
}

/** Something that changes, and those who wait for it. */
export interface Change {
    next(): Promise<void>;
    tell(): void;
}

export function createChange(): Change {
    let tell: (() => void) | undefined;
    let next: Promise<void> | undefined;
    return {
        next() {
            next ??= new Promise((resolve) => {
                tell = resolve;
            });
            return next;
        },
        tell() {
            next = undefined;
            tell?.();
        },
    };
}
