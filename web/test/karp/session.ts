// SPDX-License-Identifier: MIT OR Apache-2.0
// A session that exists only in the test: what a peer would announce and publish is called by name.
import type {
    Announcement,
    GroupReader,
    Path,
    Session,
    Subscription,
    TransforkFailure,
} from "../../src/transfork/index.ts";

/** An iterable that is fed by hand. */
export class Feed<T> implements AsyncIterable<T> {
    readonly #items: T[] = [];
    #wake: (() => void) | undefined;
    isEnded = false;

    push(item: T): void {
        this.#items.push(item);
        this.#wake?.();
    }

    end(): void {
        this.isEnded = true;
        this.#wake?.();
    }

    async *[Symbol.asyncIterator](): AsyncIterator<T> {
        for (;;) {
            const item = this.#items.shift();
            if (item !== undefined) yield item;
            else if (this.isEnded) return;
            else
                await new Promise<void>((resolve) => {
                    this.#wake = resolve;
                });
        }
    }
}

export class FakeSubscription implements Subscription {
    readonly path: Path;
    readonly groups = new Feed<GroupReader>();
    readonly info = new Promise<never>(() => {});
    readonly ended = new Promise<TransforkFailure | undefined>(() => {});
    onGap: Subscription["onGap"];
    readonly cancelled: number[] = [];
    isClosed = false;

    constructor(path: Path) {
        this.path = path;
    }

    update(): void {}

    close(): void {
        this.isClosed = true;
        this.groups.end();
    }

    /** A whole group of one frame; undefined: it is reset. */
    deliver(sequence: number, text: string | undefined): void {
        const frames = text === undefined ? [] : [new TextEncoder().encode(text)];
        this.#begin(sequence, async () => {
            if (text === undefined) throw new Error("reset");
            return frames.shift();
        });
    }

    /** A group of which nothing comes. */
    stall(sequence: number): void {
        this.#begin(sequence, () => new Promise(() => {}));
    }

    #begin(sequence: number, readFrame: GroupReader["readFrame"]): void {
        this.groups.push({ sequence, cancel: () => this.cancelled.push(sequence), readFrame });
    }
}

export class FakeSession {
    /** Of the last time that somebody asked. */
    announcements = new Feed<Announcement>();
    asked = 0;
    readonly subscriptions: FakeSubscription[] = [];

    tell(kind: "active" | "ended", text: string): void {
        this.announcements.push({ kind, path: text.split("/") });
    }

    get last(): FakeSubscription {
        const last = this.subscriptions.at(-1);
        if (!last) throw new Error("nobody has subscribed");
        return last;
    }

    asSession(): Session {
        const { subscriptions } = this;
        const fake: Partial<Session> = {
            announced: () => {
                if (this.asked++ > 0) this.announcements = new Feed();
                const { announcements } = this;
                return Object.assign(announcements, { close: () => announcements.end() });
            },
            subscribe(path) {
                const made = new FakeSubscription(path);
                subscriptions.push(made);
                return made;
            },
        };
        return fake as Session;
    }
}
