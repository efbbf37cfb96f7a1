// SPDX-License-Identifier: MIT OR Apache-2.0
// One subscription of the peer to a track of ours. It drops rather than lags: a few groups are on their way, and when there is a
// newer one, the oldest of them is given up and told as a gap.
// Tested by web/test/transfork/session.test.ts.
import { joinBytes } from "../base/bytes.ts";
import { CODE, ignore } from "./error.ts";
import { encode } from "./field.ts";
import { type Exchange, endExchange, type Link, openGroupStream } from "./link.ts";
import {
    GROUP_STREAM,
    gap as gapMessage,
    groupHeader,
    orderOfWire,
    streamType,
    type WireSubscribe,
    type WireWish,
} from "./messages.ts";
import { type Sending, sendBody } from "./send.ts";
import type { Body, Source } from "./track.ts";
import type { Gap } from "./types.ts";

/** Groups of one viewer that are not sent yet. The newest of them wait for a stream however long: a track may have no other one. */
const OPEN_GROUPS_MAX = 4;
/** Timers of more than 31 bits are over at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** A viewer that does not read what it has lost is given up. */
const UNTOLD_GAPS_MAX = 64;

export interface Viewer {
    update(wish: WireWish): void;
    stop(): void;
}

/** Begins once INFO is on its way. `onEnd` is called when the viewer has got all there will ever be. */
export function createViewer(
    link: Link,
    { writer, reader }: Exchange,
    source: Source,
    request: WireSubscribe,
    onEnd: () => void,
): Viewer {
    const sendings = new Map<number, Sending>();
    const gaps: Gap[] = [];
    let wish: WireWish = request;
    let isTelling = false;
    let isOver = false;
    /** The newest group that was begun; all up to it are sent, on their way, or told as lost. */
    let newest = -1;

    async function tellGaps(): Promise<void> {
        if (isTelling) return;
        isTelling = true;
        for (let gap = gaps.shift(); gap; gap = gaps.shift()) await writer.put(gapMessage, gap);
        isTelling = false;
        const isComplete = source.hasClosed || newest >= (wish.to ?? Number.POSITIVE_INFINITY);
        if (isComplete && sendings.size === 0 && !isOver) {
            stop();
            onEnd();
        }
    }
    function lose(first: number, last: number, code: number): void {
        if (gaps.push({ first, last, code }) > UNTOLD_GAPS_MAX) {
            stop();
            endExchange({ writer, reader }, CODE.bounds);
        }
    }
    const isWanted = ({ sequence }: Body) =>
        sequence >= (wish.from ?? 0) && sequence <= (wish.to ?? Number.POSITIVE_INFINITY);

    function begin(body: Body): void {
        newest = Math.max(newest, body.sequence);
        if (!isWanted(body)) return;
        while (sendings.size >= OPEN_GROUPS_MAX) giveUp(Math.min(...sendings.keys()));
        const { sequence } = body;
        const head = joinBytes(
            encode(streamType, GROUP_STREAM),
            encode(groupHeader, { subscription: request.id, sequence }),
        );
        const order = sendOrder(link, source, wish, sequence);
        const sending = sendBody(body, (signal) => openGroupStream(link, order, signal), head);
        sendings.set(sequence, sending);
        const stopTimer = expire(body, wish.expiresMs, () => giveUp(sequence));
        sending.ended.then((code) => {
            stopTimer();
            if (isOver || !sendings.delete(sequence)) return;
            if (code !== undefined) lose(sequence, sequence, code);
            tellGaps().catch(ignore);
        });
    }
    function giveUp(sequence: number): void {
        sendings.get(sequence)?.stop(CODE.cancelled);
        if (sendings.delete(sequence)) lose(sequence, sequence, CODE.cancelled);
        tellGaps().catch(ignore);
    }
    function stop(): void {
        isOver = true;
        unwatch();
        for (const sending of sendings.values()) sending.stop(CODE.cancelled);
        sendings.clear();
    }

    const unwatch = source.watch((body) => {
        if (body) begin(body);
        tellGaps().catch(ignore);
    }, true);
    const oldest = source.bodies[0];
    if (wish.from !== undefined && oldest && wish.from < oldest.sequence)
        lose(wish.from, Math.min(oldest.sequence - 1, wish.to ?? Number.POSITIVE_INFINITY), CODE.notFound);
    for (const body of wish.from === undefined ? source.bodies.slice(-1) : source.bodies) begin(body);
    tellGaps().catch(ignore);

    return {
        update(change) {
            // In an update, an absent end of the range leaves it as it is.
            wish = { ...change, from: change.from ?? wish.from, to: change.to ?? wish.to };
            for (const sequence of [...sendings.keys()])
                if (sequence < (wish.from ?? 0) || sequence > (wish.to ?? Number.POSITIVE_INFINITY)) giveUp(sequence);
            tellGaps().catch(ignore);
        },
        stop,
    };
}

/** Calls `onExpired` so long after the end of the group; 0: never. Returns how to stop that. */
function expire(body: Body, expiresMs: number, onExpired: () => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onChange = () => {
        if (body.end !== undefined) timer ??= setTimeout(onExpired, Math.min(expiresMs, TIMER_MAX_MS));
    };
    if (expiresMs > 0) body.readers.add(onChange);
    if (expiresMs > 0) onChange();
    return () => {
        clearTimeout(timer);
        body.readers.delete(onChange);
    };
}

/**
 * Where the browser sends by order: first what the peer finds important, then what we do, then the newest group or the oldest.
 * All of it fits into 53 bits.
 */
function sendOrder(link: Link, source: Source, wish: WireWish, sequence: number): number {
    const age = sequence % 2 ** 32;
    const ranks = Math.min(wish.priority, 255) * 256 + Math.min(255, Math.max(0, source.priority + 128));
    return ranks * 2 ** 32 + (orderOfWire(link.row, wish.order) === "oldest" ? 2 ** 32 - 1 - age : age);
}
