// SPDX-License-Identifier: MIT OR Apache-2.0
// The answers to each kind of stream that a peer opens to ask for what we publish.
// Tested by web/test/transfork/session.test.ts.
import { type Change, createChange } from "../base/wait.ts";
import { CODE, ignore, TransforkError } from "./error.ts";
import { varint } from "./field.ts";
import { type Exchange, endExchange, type Link } from "./link.ts";
import { announcePlease, fetchUpdate, infoPlease, STATUS, type WireAnnounce, wirePriority } from "./messages.ts";
import { startsWith } from "./path.ts";
import { sendBody } from "./send.ts";
import type { Source } from "./track.ts";
import type { Path } from "./types.ts";
import { createViewer } from "./viewer.ts";

const VIEWERS_MAX = 1024;
const NO_BYTES = new Uint8Array(0);

/** What a session publishes, as answers see it. */
export interface Shelf {
    readonly link: Link;
    /** By the JSON of their paths. */
    readonly sources: Map<string, Source>;
    /** Called when the session ends. */
    readonly unwatches: Set<() => void>;
    /** Are told of each source that comes or goes. */
    readonly announcers: Set<News>;
    /** Of the peer's subscriptions. */
    readonly ids: Set<number>;
}

/** Answers a stream of the peer to its end; its rejection resets the stream. */
export type Answer = (shelf: Shelf, exchange: Exchange) => Promise<void>;

export function keyOf(path: Path): string {
    return JSON.stringify(path);
}

function findSource(shelf: Shelf, path: Path | undefined): Source {
    const source = path && shelf.sources.get(keyOf(path));
    if (!source) throw new TransforkError(CODE.notFound);
    return source;
}

export const answerAnnounce: Answer = async ({ link, sources, announcers, unwatches }, { reader, writer }) => {
    const prefix = await reader.message(announcePlease);
    if (!prefix) return;
    let isOver = false;
    const news = createNews(prefix, sources.values());
    announcers.add(news);
    const end = () => {
        isOver = true;
        news.change.tell();
    };
    unwatches.add(end);
    reader
        .message(varint)
        .then((more) => more !== undefined && endExchange({ reader, writer }, CODE.protocol), ignore)
        .finally(end);
    try {
        for (let isLive = !link.row.hasLive; !isOver; ) {
            const next = news.change.next();
            for (let one = news.take(); one && !isOver; one = news.take())
                await writer.put(link.messages.announce, one);
            if (!isLive) await writer.put(link.messages.announce, { status: STATUS.live, suffix: [] });
            isLive = true;
            await next;
        }
        writer.close();
    } finally {
        announcers.delete(news);
        unwatches.delete(end);
    }
};

/** What a peer has not been told yet of the sources below `prefix`. */
export interface News {
    readonly change: Change;
    /** It has come or gone. */
    note(source: Source): void;
    /** The next thing to tell. */
    take(): WireAnnounce | undefined;
}

/** Only differences are kept, so nothing piles up for a peer that is slow: what comes and goes in between is never told. */
function createNews(prefix: Path, sources: Iterable<Source>): News {
    const change = createChange();
    const told = new Set<Source>();
    const untold = new Set<Source>();
    const note = (source: Source) => {
        if (!startsWith(source.path, prefix)) return;
        if (source.hasClosed === told.has(source)) untold.add(source);
        else untold.delete(source);
        change.tell();
    };
    for (const source of sources) note(source);
    return {
        change,
        note,
        take() {
            const [source] = untold;
            if (!source) return undefined;
            untold.delete(source);
            if (!told.delete(source)) told.add(source);
            return {
                status: source.hasClosed ? STATUS.ended : STATUS.active,
                suffix: source.path.slice(prefix.length),
            };
        },
    };
}

export const answerSubscribe: Answer = async (shelf, exchange) => {
    const { link, ids, unwatches } = shelf;
    const { reader, writer } = exchange;
    const request = await reader.message(link.messages.subscribe);
    if (!request) return;
    const source = findSource(shelf, request.path);
    if (ids.has(request.id)) throw new TransforkError(CODE.duplicate);
    if (ids.size >= VIEWERS_MAX) throw new TransforkError(CODE.bounds);
    if ((request.from ?? 0) > (request.to ?? Number.POSITIVE_INFINITY)) throw new TransforkError(CODE.protocol);
    ids.add(request.id);
    let viewer: ReturnType<typeof createViewer> | undefined;
    try {
        // Some peers compare priority and order with what they asked for.
        await writer.put(link.messages.info, { ...request, expiresMs: 0, latest: source.latest });
        viewer = createViewer(link, exchange, source, request, () => writer.close());
        unwatches.add(viewer.stop);
        for (;;) {
            const update = await reader.message(link.messages.update, link.messages.lastUpdate);
            if (!update) break;
            viewer.update(update);
        }
        writer.close();
    } finally {
        ids.delete(request.id);
        viewer?.stop();
        if (viewer) unwatches.delete(viewer.stop);
    }
};

export const answerInfo: Answer = async (shelf, { reader, writer }) => {
    const { link } = shelf;
    const source = findSource(shelf, await reader.message(infoPlease));
    await writer.put(link.messages.info, {
        priority: wirePriority(source.priority),
        order: link.row.orderOldest + 1,
        expiresMs: 0,
        latest: source.latest,
    });
    writer.close();
};

export const answerFetch: Answer = async (shelf, { reader, writer }) => {
    const { link } = shelf;
    const request = await reader.message(link.messages.fetch);
    const source = findSource(shelf, request?.path);
    const body = source.bodies.find(({ sequence }) => sequence === request?.group);
    if (!request || !body) throw new TransforkError(CODE.notFound);
    const { offset } = request;
    const inFrames = link.row.isOffsetInFrames;
    if (body.end !== undefined && offset > (inFrames ? body.chunks.length : body.bytes))
        throw new TransforkError(CODE.bounds, "the group is shorter");
    // Updates of its priority do not matter to one stream.
    const skipUpdates = async () => {
        while ((await reader.message(fetchUpdate)) !== undefined);
    };
    const sending = sendBody(body, async () => writer, NO_BYTES, inFrames ? offset : 0, inFrames ? 0 : offset);
    skipUpdates().catch(() => sending.stop(CODE.cancelled));
    await sending.ended;
};
