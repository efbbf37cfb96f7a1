// SPDX-License-Identifier: MIT OR Apache-2.0
// What a session publishes, and who answers when the peer asks for it: ANNOUNCE, SUBSCRIBE, INFO and FETCH.
// Tested by web/test/transfork/session.test.ts.
import { type Answer, answerAnnounce, answerFetch, answerInfo, answerSubscribe, keyOf, type Shelf } from "./answers.ts";
import { CODE, errorOf, TransforkError } from "./error.ts";
import { type Exchange, endExchange, type Link } from "./link.ts";
import { STREAM, streamType } from "./messages.ts";
import { sourceOf } from "./track.ts";
import type { Track } from "./types.ts";

const ANNOUNCES_MAX = 64;
/** Each may hold on to a group that is otherwise gone. */
const FETCHES_MAX = 8;

/** The tracks that a session publishes. */
export interface Publications {
    publish(track: Track): void;
    /** Answers a stream of the peer to its end. */
    answer(exchange: Exchange): Promise<void>;
    end(): void;
}

export function createPublications(link: Link): Publications {
    const shelf: Shelf = { link, sources: new Map(), unwatches: new Set(), announcers: new Set(), ids: new Set() };
    const answers: Record<number, Answer> = {
        [STREAM.announce]: atMost(ANNOUNCES_MAX, answerAnnounce),
        [STREAM.subscribe]: answerSubscribe,
        [STREAM.info]: answerInfo,
        [STREAM.fetch]: atMost(FETCHES_MAX, answerFetch),
    };
    return {
        publish: (track) => publishTrack(shelf, track),
        async answer(exchange) {
            try {
                const type = await exchange.reader.message(streamType);
                // A second session stream is not the peer's to open; what is unknown may be an extension.
                const code = type === STREAM.session ? CODE.unexpected : CODE.decode;
                const answer = type !== undefined && answers[type];
                if (!answer) throw new TransforkError(code, "a stream of no use");
                await answer(shelf, exchange);
            } catch (error) {
                endExchange(exchange, errorOf(error, "the stream broke").code);
            }
        },
        end() {
            for (const stop of [...shelf.unwatches]) stop();
            shelf.unwatches.clear();
            shelf.sources.clear();
        },
    };
}

function publishTrack({ link, sources, unwatches, announcers }: Shelf, track: Track): void {
    const source = sourceOf(track);
    const key = keyOf(source.path);
    if (link.failure || source.hasClosed || sources.get(key) === source) return;
    if (sources.has(key)) throw new TransforkError(CODE.duplicate, "another track has this path");
    sources.set(key, source);
    const tell = () => {
        for (const news of announcers) news.note(source);
    };
    const unwatch = source.watch((body) => {
        if (body) return;
        sources.delete(key);
        unwatch();
        unwatches.delete(unwatch);
        tell();
    }, false);
    unwatches.add(unwatch);
    tell();
}

/** The answer, for so many streams at a time. */
function atMost(max: number, answer: Answer): Answer {
    let count = 0;
    return async (shelf, exchange) => {
        if (count >= max) throw new TransforkError(CODE.bounds);
        count++;
        try {
            await answer(shelf, exchange);
        } finally {
            count--;
        }
    };
}
