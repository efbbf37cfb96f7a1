// SPDX-License-Identifier: MIT OR Apache-2.0
// Subscriptions: what we ask for, and the groups that come for it. A group may come before the answer, in any order, and after the
// end of the subscription.
// Tested by web/test/transfork/session.test.ts.
import { createQueue } from "../base/queue.ts";
import { defer, sleep } from "../base/wait.ts";
import { CODE, ignore, TransforkError } from "./error.ts";
import { readGroup } from "./group.ts";
import { type Exchange, endExchange, explain, type Link, leaveExchange, openRequest } from "./link.ts";
import { gap, infoOfWire, STREAM, wireOfWish } from "./messages.ts";
import type { Reader } from "./reader.ts";
import type { GroupReader, Info, Path, Subscription, Wish } from "./types.ts";

/** Groups that nobody has taken; then the oldest is cancelled. */
const WAITING_GROUPS_MAX = 32;
/** Groups that were sent before the end of a subscription may arrive so long after it. */
const LATE_GROUPS_MS = 200;

/** A session's subscriptions. */
export interface Subscriptions {
    subscribe(path: Path, wish: Wish): Subscription;
    /** Takes a group that has come; false: nobody waits for it. */
    take(id: number, sequence: number, reader: Reader): boolean;
}

interface Entry {
    take(sequence: number, reader: Reader): void;
}

export function createSubscriptions(link: Link): Subscriptions {
    const entries = new Map<number, Entry>();
    let nextId = 0;
    return {
        subscribe(path, wish) {
            const id = nextId++;
            return subscribe(link, id, path, wish, {
                add: (entry) => entries.set(id, entry),
                remove: () => entries.delete(id),
            });
        },
        take(id, sequence, reader) {
            const entry = entries.get(id);
            entry?.take(sequence, reader);
            return entry !== undefined;
        },
    };
}

interface Registration {
    add(entry: Entry): void;
    remove(): void;
}

function subscribe(link: Link, id: number, path: Path, wish: Wish, registration: Registration): Subscription {
    const info = defer<Info>();
    const ended = defer<TransforkError | undefined>();
    const open = new Set<GroupReader>();
    const groups = createQueue<GroupReader>();
    let exchange: Exchange | undefined;
    let hasEnded = false;

    /** `failure` of code 0: we closed it. */
    function end(failure?: TransforkError): void {
        if (hasEnded) return;
        hasEnded = true;
        registration.remove();
        info.reject(failure ?? new TransforkError(CODE.notFound));
        groups.end();
        ended.resolve(failure?.code === CODE.cancelled ? undefined : failure);
    }

    async function run(): Promise<void> {
        exchange = await openRequest(link, STREAM.subscribe, link.messages.subscribe, {
            id,
            path,
            ...wireOfWish(link.row, wish),
        });
        if (hasEnded) return leaveExchange(exchange);
        const answer = await exchange.reader.message(link.messages.info);
        if (!answer) throw new TransforkError(CODE.notFound, "the track was not answered for");
        info.resolve(infoOfWire(link.row, answer));
        for (;;) {
            const lost = await exchange.reader.message(gap);
            if (!lost) break;
            subscription.onGap?.(lost);
        }
        exchange.writer.close();
        await sleep(LATE_GROUPS_MS);
        end();
    }

    const subscription: Subscription = {
        path,
        info: info.promise,
        groups,
        onGap: undefined,
        ended: ended.promise,
        update(change) {
            wish = { ...wish, ...change };
            // Before it is open, the request itself says it.
            exchange?.writer.put(link.messages.update, wireOfWish(link.row, wish)).catch(ignore);
        },
        close() {
            if (exchange && !hasEnded) leaveExchange(exchange);
            for (const group of open) group.cancel();
            end(new TransforkError(CODE.cancelled));
        },
    };

    info.promise.catch(ignore);
    registration.add({
        take(sequence, reader) {
            if (sequence < (wish.from ?? 0) || sequence > (wish.to ?? Number.POSITIVE_INFINITY)) return reader.cancel();
            const group = readGroup(link, sequence, Promise.resolve({ reader }), 0, () => open.delete(group));
            open.add(group);
            groups.push(group);
            if (groups.waiting.length > WAITING_GROUPS_MAX) dropOldest(groups.waiting);
        },
    });
    run().catch(async (error) => {
        const failure = await explain(link, error, CODE.failed, exchange);
        if (exchange) endExchange(exchange, failure.code);
        end(failure);
    });
    return subscription;
}

function dropOldest(waiting: GroupReader[]): void {
    const sequence = Math.min(...waiting.map((group) => group.sequence));
    const at = waiting.findIndex((group) => group.sequence === sequence);
    for (const group of waiting.splice(at, 1)) group.cancel();
}
