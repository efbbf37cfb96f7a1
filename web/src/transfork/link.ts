// SPDX-License-Identifier: MIT OR Apache-2.0
// What the parts of a session share, and how they open streams although the peer or the browser sets a limit.
// Tested by web/test/transfork/session.test.ts.
import { joinBytes } from "../base/bytes.ts";
import { sleep, unless, within } from "../base/wait.ts";
import { CODE, errorOf, ignore, TransforkError } from "./error.ts";
import { encode, type Field } from "./field.ts";
import { type Messages, streamType } from "./messages.ts";
import { type Meter, Reader } from "./reader.ts";
import type { VersionRow } from "./version.ts";
import { Writer } from "./writer.ts";

export interface Link {
    readonly transport: WebTransport;
    readonly row: VersionRow;
    readonly messages: Messages;
    readonly meter: Meter;
    /** Why the session has ended; undefined: it is open. */
    failure: TransforkError | undefined;
    /** Resolves with that. */
    readonly over: Promise<TransforkError>;
}

/** A bidirectional stream. */
export interface Exchange {
    reader: Reader;
    writer: Writer;
}

/** So long a request waits for a stream. */
const REQUEST_PATIENCE_MS = 10_000;
/** Where the browser rejects at the limit, it is asked again so often. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
/** The reason of a failure may come so long after it. */
const REASON_MS = 200;

/**
 * Opens a stream unless `signal` aborts first. At the limit, Chromium rejects at once and Firefox waits; a stream that Firefox opens
 * too late goes to `discard`.
 */
async function openUnless<T>(
    link: Link,
    signal: AbortSignal,
    create: () => Promise<T>,
    discard: (late: T) => void,
): Promise<T> {
    let refusal: unknown = "no answer";
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
        if (link.failure) throw link.failure;
        if (signal.aborted)
            throw new TransforkError(CODE.bounds, errorOf(refusal, "too many streams are open").message);
        const opening = Promise.resolve().then(create);
        try {
            const stream = await unless(opening, signal);
            if (stream) return stream;
            opening.then(discard, ignore);
        } catch (error) {
            refusal = error;
            await sleep(pauseMs, signal);
        }
    }
}

export function exchangeOf(link: Pick<Link, "meter">, stream: WebTransportBidirectionalStream): Exchange {
    return { reader: new Reader(stream.readable, link.meter), writer: new Writer(stream.writable, link.meter) };
}

async function openExchange(link: Link): Promise<Exchange> {
    const stream = await openUnless(
        link,
        AbortSignal.timeout(REQUEST_PATIENCE_MS),
        () => link.transport.createBidirectionalStream(),
        (late) => endExchange(exchangeOf(link, late), CODE.cancelled),
    );
    return exchangeOf(link, stream);
}

/** Opens a stream of this type with its first message on it. `onOpen` is called just before that is sent. */
export async function openRequest<T>(
    link: Link,
    type: number,
    field: Field<T>,
    value: T,
    onOpen?: () => void,
): Promise<Exchange> {
    const first = joinBytes(encode(streamType, type), encode(field, value));
    const exchange = await openExchange(link);
    onOpen?.();
    await exchange.writer.write(first);
    return exchange;
}

/** Opens a stream for a group. `sendOrder`: the higher, the sooner it is sent, where the browser knows that. `signal`: it is given up. */
export async function openGroupStream(link: Link, sendOrder: number, signal: AbortSignal): Promise<Writer> {
    const stream = await openUnless(
        link,
        signal,
        () => link.transport.createUnidirectionalStream({ sendOrder }),
        (late) => new Writer(late, link.meter).abort(CODE.cancelled),
    );
    return new Writer(stream, link.meter);
}

/**
 * Why a stream failed. If that is because the session has ended, the session knows more. If the peer has reset the stream, Firefox
 * tells the code only where the peer has also stopped our direction; elsewhere it becomes `code`.
 */
export async function explain(link: Link, error: unknown, code: number, exchange?: Exchange): Promise<TransforkError> {
    const failure = errorOf(error, "the stream broke");
    if (failure.code !== CODE.failed) return failure;
    const better = new Promise<TransforkError>((resolve) => {
        link.over.then(resolve);
        exchange?.writer.ended.then((stop) => stop && stop.code !== CODE.failed && resolve(stop));
    });
    return link.failure ?? (await within(better, REASON_MS)) ?? new TransforkError(code, failure.message);
}

/** Both directions end. */
export function endExchange(exchange: Exchange, code: number): void {
    exchange.writer.abort(code);
    exchange.reader.cancel(new TransforkError(code));
}

/**
 * We have all that we want. The end of our direction and a stop of the other are what all peers understand; a reset could overtake
 * the stream's first bytes, which some do not survive.
 */
export function leaveExchange(exchange: Exchange): void {
    exchange.writer.close();
    exchange.reader.cancel();
}
