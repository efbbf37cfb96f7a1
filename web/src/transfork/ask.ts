// SPDX-License-Identifier: MIT OR Apache-2.0
// What we ask a peer for besides tracks: what it has (ANNOUNCE), what a track is like (INFO), a group that was (FETCH); and how soon it
// answers.
// Tested by web/test/transfork/session.test.ts.
import { within } from "../base/wait.ts";
import { CODE, ignore, TransforkError } from "./error.ts";
import { readGroup } from "./group.ts";
import { type Exchange, explain, type Link, leaveExchange, openRequest } from "./link.ts";
import { announcePlease, infoOfWire, infoPlease, STATUS, STREAM, type WireAnnounce, wirePriority } from "./messages.ts";
import type { Announced, Announcement, GroupReader, Info, Path } from "./types.ts";

/** Without a marker, the first announcements are complete after so much silence. */
const SILENCE_MS = 300;

/** Nothing is read ahead of whoever iterates, so a peer that announces without end only fills the browser's window. */
export function askForAnnouncements(link: Link, prefix: Path): Announced {
    const opening = openRequest(link, STREAM.announce, announcePlease, prefix);
    opening.catch(ignore);
    const close = () => {
        opening.then(leaveExchange, ignore);
    };
    return {
        [Symbol.asyncIterator]: () => announcements(link, prefix, opening, close),
        close,
    };
}

async function* announcements(
    link: Link,
    prefix: Path,
    opening: Promise<Exchange>,
    close: () => void,
): AsyncGenerator<Announcement, undefined> {
    let isLive = link.row.hasLive; // also: no need to wait for silence
    let next: Promise<WireAnnounce | undefined> | undefined;
    try {
        const { reader } = await opening;
        for (;;) {
            next ??= reader.message(link.messages.announce);
            const got = isLive ? await next : await within(next, SILENCE_MS);
            // `within` gives undefined for silence as well as for the end; the next round tells them apart.
            if (!got && isLive) return;
            if (got) next = undefined;
            isLive ||= !got || got.status === STATUS.live;
            if (!got || got.status === STATUS.live) yield { kind: "live" };
            else yield { kind: got.status === STATUS.active ? "active" : "ended", path: [...prefix, ...got.suffix] };
        }
    } catch {
        // The stream is over; what it told is over too, and whoever iterates sees that by the end.
    } finally {
        next?.catch(ignore);
        close();
    }
}

/** A prefix below which nobody publishes; if somebody does, the first announcement is as good an answer. */
const NOBODYS: Path = ["round trip"];

/**
 * How many milliseconds a peer takes to answer what it knows by itself, without a look at its publishers or its rules: that nothing is
 * announced below a prefix. Undefined: there was no answer within `limitMs`. For versions with the Live marker alone.
 */
export async function timeAnswer(link: Link, limitMs: number): Promise<number | undefined> {
    let sentMs = 0;
    const exchange = await openRequest(link, STREAM.announce, announcePlease, NOBODYS, () => {
        sentMs = performance.now();
    });
    try {
        const answer = await within(
            exchange.reader.message(link.messages.announce).then((message) => ({ message, atMs: performance.now() })),
            limitMs,
        );
        if (answer && !answer.message) throw new TransforkError(CODE.notFound);
        return answer && answer.atMs - sentMs;
    } finally {
        leaveExchange(exchange);
    }
}

export async function askForInfo(link: Link, path: Path): Promise<Info> {
    const exchange = await openRequest(link, STREAM.info, infoPlease, path);
    exchange.writer.close();
    try {
        const info = await exchange.reader.message(link.messages.info);
        if (!info) throw new TransforkError(CODE.notFound);
        return infoOfWire(link.row, info);
    } catch (error) {
        throw await explain(link, error, CODE.notFound);
    } finally {
        exchange.reader.cancel();
    }
}

/** Where offsets count bytes, the whole group comes and its first frames are left out here. */
export function fetchGroup(link: Link, path: Path, group: number, offset: number): GroupReader {
    const opening = openRequest(link, STREAM.fetch, link.messages.fetch, {
        path,
        priority: wirePriority(0),
        group,
        offset: link.row.isOffsetInFrames ? offset : 0,
    });
    opening.then(({ writer }) => writer.close(), ignore);
    return readGroup(link, group, opening, link.row.isOffsetInFrames ? 0 : offset);
}
