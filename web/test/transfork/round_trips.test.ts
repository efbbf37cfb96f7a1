// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { type Deferred, defer } from "../../src/base/wait.ts";
import { timeAnswer } from "../../src/transfork/ask.ts";
import { messagesOf } from "../../src/transfork/messages.ts";
import { createMeter } from "../../src/transfork/reader.ts";
import { ANSWER_MS, RoundTrips } from "../../src/transfork/round_trips.ts";
import { versionByName } from "../../src/transfork/version.ts";
import { asTransport, openPair, settle, until } from "./pair.ts";
import { createWire } from "./wire.ts";

/** A peer whose answers the test gives. */
function begin() {
    const asked: Deferred<number | undefined>[] = [];
    const limits: number[] = [];
    const trips = new RoundTrips((limitMs) => {
        limits.push(limitMs);
        asked.push(defer());
        return asked.at(-1)?.promise ?? Promise.resolve(undefined);
    });
    return { trips, asked, limits };
}

describe("round trips", () => {
    test("are asked for while somebody wants to know, every two seconds, one at a time", async () => {
        const { trips, asked, limits } = begin();
        expect(asked.length).toBe(0);
        expect([trips.shortestMs(0), trips.shortestMs(1000), trips.shortestMs(9000)]).toEqual(Array(3).fill(undefined));
        expect(limits).toEqual([ANSWER_MS]);
        asked[0]?.resolve(30);
        await settle();
        expect([trips.shortestMs(9000), asked.length]).toEqual([30, 2]);
        asked[1]?.resolve(40);
        await settle();
        expect([trips.shortestMs(10_999), asked.length]).toEqual([30, 2]);
        expect([trips.shortestMs(11_000), asked.length]).toEqual([30, 3]);
    });

    test("are as short as the quickest of the last five answers, which are good for 15 seconds", async () => {
        const { trips, asked } = begin();
        const seen: (number | undefined)[] = [];
        for (const tookMs of [50, 20, 90, 80, 70, 60, 65]) {
            trips.shortestMs(asked.length * 2000);
            asked.at(-1)?.resolve(tookMs);
            await settle();
            seen.push(trips.shortestMs((asked.length - 1) * 2000));
        }
        expect(seen).toEqual([50, 20, 20, 20, 20, 20, 60]);
        expect([trips.shortestMs(26_999), trips.shortestMs(27_000)]).toEqual([65, undefined]);
    });

    test("are not made of answers that came too late, nor of refusals, which are borne three times", async () => {
        const { trips, asked } = begin();
        const answer = async (act: (last: Deferred<number | undefined> | undefined) => void) => {
            trips.shortestMs(asked.length * 2000);
            act(asked.at(-1));
            await settle();
        };
        const refuse = (last: Deferred<number | undefined> | undefined) => last?.reject(new Error("no"));
        for (let i = 0; i < 5; i++) await answer((last) => last?.resolve(undefined));
        for (let i = 0; i < 2; i++) await answer(refuse);
        await answer((last) => last?.resolve(10));
        expect(trips.shortestMs(14_000)).toBe(10);
        for (let i = 0; i < 3; i++) await answer(refuse);
        expect(asked.length).toBe(11);
        expect([trips.shortestMs(1e6), asked.length]).toEqual([undefined, 11]);
    });
});

describe("a session", () => {
    test("of version 03 asks its peer, and leaves no stream behind", async () => {
        const { client, clientEnd } = await openPair("03");
        await settle();
        const before = clientEnd.openStreams;
        expect((await client.stats())?.rttMs).toBeUndefined();
        let rttMs: number | undefined;
        await until(() => {
            void client.stats().then((stats) => {
                rttMs = stats?.rttMs;
            });
            return rttMs !== undefined;
        });
        expect(rttMs).toBeGreaterThanOrEqual(0);
        await until(() => clientEnd.openStreams === before);
        client.close();
    });

    test("believes the browser, and asks nobody then", async () => {
        const { client, clientEnd } = await openPair("03");
        await settle();
        const before = clientEnd.pipes;
        Object.assign(clientEnd, { getStats: async () => ({ smoothedRtt: 12 }) });
        expect((await client.stats())?.rttMs).toBe(12);
        await settle();
        expect([(await client.stats())?.rttMs, clientEnd.pipes]).toEqual([12, before]);
        client.close();
    });

    test("of version 02 does not ask: peers may answer late, or never", async () => {
        const { client, clientEnd } = await openPair("02");
        await settle();
        const before = clientEnd.pipes;
        for (let i = 0; i < 3; i++) expect((await client.stats())?.rttMs).toBeUndefined();
        await settle();
        expect(clientEnd.pipes).toBe(before);
        client.close();
    });
});

test("a peer that says nothing is not waited for", async () => {
    const [end] = createWire({});
    const row = versionByName("03");
    if (!row) throw new Error("no such version");
    const meter = createMeter();
    const over = defer<never>();
    const link = {
        transport: asTransport(end),
        row,
        meter,
        messages: messagesOf(row),
        failure: undefined,
        over: over.promise,
    };
    expect(await timeAnswer(link, 5)).toBeUndefined();
    await until(() => end.openStreams === 0);
});
