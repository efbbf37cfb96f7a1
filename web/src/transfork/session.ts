// SPDX-License-Identifier: MIT OR Apache-2.0
// A session after its greeting: hands streams of the peer to whoever they are for, and ends everything when it ends.
import { defer } from "../base/wait.ts";
import { askForAnnouncements, askForInfo, fetchGroup, timeAnswer } from "./ask.ts";
import { CODE, errorOf, ignore, TransforkError } from "./error.ts";
import { type Exchange, exchangeOf, type Link } from "./link.ts";
import { GROUP_STREAM, groupHeader, messagesOf, sessionUpdate, streamType } from "./messages.ts";
import { type Meter, Reader } from "./reader.ts";
import { RoundTrips } from "./round_trips.ts";
import { createPublications } from "./serve.ts";
import { createSubscriptions, type Subscriptions } from "./subscribe.ts";
import type { Closed, Session, SessionStats } from "./types.ts";
import type { VersionRow } from "./version.ts";

/** What the greeting has found. */
export interface Greeted {
    row: VersionRow;
    /** The session's own stream. */
    control: Exchange;
    meter: Meter;
}

export function openSession(transport: WebTransport, url: URL, { row, control, meter }: Greeted): Session {
    const over = defer<TransforkError>();
    const link: Link = { transport, row, meter, messages: messagesOf(row), failure: undefined, over: over.promise };
    const closed = defer<Closed>();
    const draining = defer<void>();
    const subscriptions = createSubscriptions(link);
    const publications = createPublications(link);
    // Without the marker, no answer is an answer too.
    const roundTrips = row.hasLive ? new RoundTrips((limitMs) => timeAnswer(link, limitMs)) : undefined;
    /** Bits per second towards us, as the peer says. */
    let peerRateBps: number | undefined;

    function end(how: Closed): void {
        if (link.failure) return;
        link.failure = new TransforkError(how.code, how.reason);
        over.resolve(link.failure);
        publications.end();
        closed.resolve(how);
    }
    function close(code = CODE.cancelled as number, reason = ""): void {
        end({ code, reason, by: "us" });
        try {
            transport.close({ closeCode: code, reason });
        } catch {
            // It was closed already.
        }
    }
    async function readUpdates(): Promise<void> {
        for (;;) {
            const rate = await control.reader.message(sessionUpdate);
            if (rate === undefined) return close();
            peerRateBps = rate || undefined;
        }
    }

    transport.closed.then(
        (info) => end({ code: info.closeCode ?? 0, reason: info.reason ?? "", by: "peer" }),
        (error) => end({ code: CODE.failed, reason: errorOf(error, "the connection was lost").message, by: "network" }),
    );
    newer(transport).draining?.then(draining.resolve, ignore);
    // If the whole session is lost, transport.closed knows more of it.
    readUpdates().catch((error) => error.code === CODE.failed || close(error.code, error.message));
    acceptEach(transport.incomingUnidirectionalStreams, (stream) => takeGroup(link, subscriptions, stream));
    acceptEach(transport.incomingBidirectionalStreams, (stream) => publications.answer(exchangeOf(link, stream)));

    return {
        version: row.name,
        url,
        closed: closed.promise,
        draining: draining.promise,
        announced: (prefix) => askForAnnouncements(link, prefix),
        subscribe: (path, wish) => subscriptions.subscribe(path, wish),
        fetch: (path, group, offset = 0) => fetchGroup(link, path, group, offset),
        info: (path) => askForInfo(link, path),
        publish: publications.publish,
        stats: () => readStats(link, peerRateBps, roundTrips),
        close,
    };
}

async function acceptEach<T>(streams: ReadableStream<T>, handle: (stream: T) => Promise<void>): Promise<void> {
    const reader = streams.getReader();
    reader.closed.catch(ignore);
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            handle(value).catch(ignore);
        }
    } catch {
        // The session is over.
    }
}

async function takeGroup(link: Link, subscriptions: Subscriptions, stream: ReadableStream<Uint8Array>): Promise<void> {
    const reader = new Reader(stream, link.meter);
    try {
        if ((await reader.message(streamType)) !== GROUP_STREAM)
            throw new TransforkError(CODE.decode, "an unknown kind of stream");
        const group = await reader.message(groupHeader);
        if (!group || !subscriptions.take(group.subscription, group.sequence, reader)) reader.cancel();
    } catch (error) {
        reader.cancel(errorOf(error, "the stream broke"));
    }
}

interface Stats {
    smoothedRtt?: number;
    estimatedSendRate?: number | null;
    bytesReceived?: number;
    bytesSent?: number;
}

/** What browsers may have one day: neither Chromium 156 nor Firefox 153 has any of it. */
interface Newer {
    draining?: Promise<void>;
    getStats?(): Promise<Stats>;
}

function newer(transport: WebTransport): Newer {
    return transport as Newer;
}

async function readStats(
    { transport, meter }: Link,
    peerRateBps: number | undefined,
    roundTrips: RoundTrips | undefined,
): Promise<SessionStats> {
    let stats: Stats = {};
    try {
        stats = (await newer(transport).getStats?.()) ?? {};
    } catch {
        // Firefox 153 has the method, but it is not implemented.
    }
    return {
        rttMs: stats.smoothedRtt || roundTrips?.shortestMs(performance.now()),
        rateBps: peerRateBps ?? (stats.estimatedSendRate || undefined),
        bytesReceived: stats.bytesReceived ?? meter.received,
        bytesSent: stats.bytesSent ?? meter.sent,
    };
}
