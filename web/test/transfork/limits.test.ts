// SPDX-License-Identifier: MIT OR Apache-2.0
// Peers that are slow, streams that are few, groups that come too late: what is dropped, and that nothing grows.
import { describe, expect, it } from "vitest";
import { createTrack, sourceOf } from "../../src/transfork/track.ts";
import type { Gap, Wish } from "../../src/transfork/types.ts";
import { openPair, settle, until, WISH, watchTrack } from "./pair.ts";

const KB = new Uint8Array(1024);

function lostOf(gaps: Gap[]): number[] {
    return gaps.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

describe("a viewer that is slow", () => {
    it("loses the oldest groups, is told so, and gets the newest", async () => {
        const { client, server, serverEnd } = await openPair("03", { windowBytes: 1024 });
        const { track, subscription, gaps } = await watchTrack({ client, server }, "video");
        for (let i = 0; i < 50; i++) {
            const group = track.openGroup();
            for (let k = 0; k < 8; k++) group.writeFrame(KB);
            await settle();
            expect(serverEnd.openStreams).toBeLessThanOrEqual(5);
        }
        await until(() => lostOf(gaps).length === 46);
        expect(lostOf(gaps).sort((a, b) => a - b)).toEqual(Array.from({ length: 46 }, (_, i) => i));
        const whole: number[] = [];
        for await (const group of subscription.groups) {
            const frames: Uint8Array[] = [];
            try {
                for (let frame = await group.readFrame(); frame; frame = await group.readFrame()) frames.push(frame);
                whole.push(group.sequence);
                expect(frames.length).toBe(8);
            } catch (error) {
                expect(error).toMatchObject({ code: 0 });
            }
            if (whole.length === 3) track.close();
        }
        expect(whole.sort()).toEqual([46, 47, 48, 49]);
        client.close();
    });

    it("loses a group that is too far ahead of it", async () => {
        const { client, server, serverEnd } = await openPair("02", { windowBytes: 1024 });
        const { track, gaps } = await watchTrack({ client, server }, "video");
        const group = track.openGroup();
        const large = new Uint8Array(1 << 20);
        for (let i = 0; i < 18; i++) group.writeFrame(large);
        await until(() => gaps.length === 1);
        expect(gaps).toEqual([{ first: 0, last: 0, code: 0 }]);
        expect(serverEnd.openStreams).toBe(0);
        client.close();
    });

    it("loses what is older than it wants, once it has ended", async () => {
        const { client, server } = await openPair("03", { windowBytes: 1024 });
        const { track, gaps } = await watchTrack({ client, server }, "video", { ...WISH, expiresMs: 20 });
        const group = track.openGroup();
        for (let k = 0; k < 8; k++) group.writeFrame(KB);
        await new Promise((resolve) => setTimeout(resolve, 60));
        expect(gaps).toEqual([]);
        group.close();
        await until(() => gaps.length === 1);
        expect(gaps).toEqual([{ first: 0, last: 0, code: 0 }]);
        client.close();
    });

    it("keeps what it wants for longer than timers last", async () => {
        const { client, server } = await openPair("03", { windowBytes: 1024 });
        const { track, subscription, gaps } = await watchTrack({ client, server }, "video", {
            ...WISH,
            expiresMs: 2 ** 40,
        });
        const group = track.openGroup();
        for (let k = 0; k < 8; k++) group.writeFrame(KB);
        group.close();
        await new Promise((resolve) => setTimeout(resolve, 60));
        for await (const got of subscription.groups) {
            for (let k = 0; k < 8; k++) expect((await got.readFrame())?.length).toBe(1024);
            break;
        }
        expect(gaps).toEqual([]);
        client.close();
    });

    it("is given up when it does not read what it has lost", async () => {
        const { client, server } = await openPair("03", { windowBytes: 8 });
        const track = createTrack(["video"]);
        server.publish(track);
        const subscription = client.subscribe(["video"], WISH);
        await subscription.info;
        await until(() => track.viewers === 1);
        // Whoever holds up the thread of this reader holds up the stream of gaps.
        subscription.onGap = () => {};
        for (let i = 0; i < 200; i++) track.openGroup().writeFrame(KB);
        await until(() => track.viewers === 0);
        expect(await subscription.ended).toMatchObject({ code: 11 });
        client.close();
    });
});

describe("groups that nobody takes", () => {
    it("are cancelled, the oldest first", async () => {
        const { client, server, serverEnd } = await openPair("03");
        const track = createTrack(["video"]);
        server.publish(track);
        const subscription = client.subscribe(["video"], WISH);
        await until(() => track.viewers === 1);
        for (let i = 0; i < 100; i++) {
            track.openGroup().writeFrame(KB);
            await settle();
        }
        await until(() => serverEnd.openStreams <= 1);
        track.close();
        const sequences: number[] = [];
        for await (const group of subscription.groups) sequences.push(group.sequence);
        expect(sequences.length).toBe(32);
        expect(sequences).toContain(99);
        expect(Math.min(...sequences)).toBe(68);
        client.close();
    });
});

describe.each(["reject", "wait"] as const)("at the limit of streams, where the browser would %s", (atLimit) => {
    it("requests wait until there is room", async () => {
        const { client, server } = await openPair("03", { streamsMax: 3, atLimit });
        server.publish(createTrack(["clock"]));
        const held = [client.subscribe(["clock"], WISH), client.subscribe(["clock"], WISH)];
        await Promise.all(held.map((one) => one.info));
        const late = client.info(["clock"]);
        await settle();
        for (const one of held) one.close();
        expect(await late).toMatchObject({ latest: 0 });
        client.close();
    });

    it("groups wait for room while they are among the newest, and what is given up is told", async () => {
        const { client, server, serverEnd } = await openPair("03");
        serverEnd.options = { streamsMax: 2, atLimit };
        const { track, subscription, gaps } = await watchTrack({ client, server }, "clock");
        // Two groups without an end take all that there is.
        const held = [createTrack(["a"]), createTrack(["b"])];
        for (const one of held) {
            server.publish(one);
            one.openGroup().writeFrame(KB);
        }
        const others = held.map((one) => client.subscribe(one.path, WISH));
        await until(() => held.every((one) => one.viewers === 1));
        await settle();
        track.openGroup().writeFrame(KB);
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(gaps).toEqual([]);
        for (let i = 1; i <= 4; i++) track.openGroup().writeFrame(KB);
        await until(() => gaps.length === 1);
        expect(gaps).toEqual([{ first: 0, last: 0, code: 0 }]);
        track.openGroup().abort(7);
        await until(() => gaps.length === 3);
        expect(lostOf(gaps)).toEqual([0, 1, 5]);
        for (const one of others) one.close();
        await until(() => held.every((one) => one.viewers === 0));
        const sequences: number[] = [];
        for await (const group of subscription.groups) if (sequences.push(group.sequence) === 3) break;
        expect(sequences.sort()).toEqual([2, 3, 4]);
        client.close();
    });
});

describe("announcing", () => {
    it("does not look again at what has been told, however much is published", async () => {
        const { client, server } = await openPair("03");
        let looks = 0;
        const tracks = Array.from({ length: 1000 }, (_, i) => createTrack([`${i}`]));
        for (const track of tracks) {
            server.publish(track);
            const source = sourceOf(track);
            Object.defineProperty(source, "hasClosed", {
                get() {
                    looks++;
                    return false;
                },
            });
        }
        const said: string[] = [];
        (async () => {
            for await (const one of client.announced([]))
                if (one.kind !== "live") said.push(one.kind + one.path.join());
        })();
        await until(() => said.length === 1000);
        looks = 0;
        for (let i = 0; i < 20; i++) {
            const track = createTrack(["one"]);
            server.publish(track);
            await until(() => said.length === 1001 + 2 * i);
            track.close();
            await until(() => said.length === 1002 + 2 * i);
        }
        expect(said.slice(-2)).toEqual(["activeone", "endedone"]);
        expect(looks).toBe(0);
        client.close();
    });

    it("tells a slow peer the differences only, and the end of a track before a new one of its path", async () => {
        const { client, server } = await openPair("03", { windowBytes: 16 });
        const before = createTrack(["same"]);
        server.publish(before);
        const announced = client.announced([])[Symbol.asyncIterator]();
        await announced.next(); // nothing more is read for now
        for (let i = 0; i < 1000; i++) {
            const track = createTrack([`${i}`]);
            server.publish(track);
            track.close();
        }
        before.close();
        server.publish(createTrack(["same"]));
        const said: string[] = [];
        while (said.at(-1) !== "active same") {
            const { value } = await announced.next();
            if (value && value.kind !== "live") said.push(`${value.kind} ${value.path.join()}`);
        }
        expect(said.slice(-2)).toEqual(["ended same", "active same"]);
        expect(said.length).toBeLessThan(20);
        client.close();
    });
});

describe("what is published", () => {
    it("is refused when it is too large", () => {
        const group = createTrack(["x"]).openGroup();
        expect(() => group.writeFrame(new Uint8Array((16 << 20) + 1))).toThrow(RangeError);
        const large = new Uint8Array(16 << 20);
        for (let i = 0; i < 3; i++) group.writeFrame(large);
        expect(() => group.writeFrame(large)).toThrow(/too large/);
        expect(() => createTrack([])).toThrow(/name/);
    });

    it("has one track per path, and the most important is sent first", async () => {
        const { client, server, serverEnd } = await openPair("03");
        const track = createTrack(["a"], { priority: 5 });
        server.publish(track);
        server.publish(track);
        expect(() => server.publish(createTrack(["a"]))).toThrow(/another track/);
        const low = createTrack(["low"], { priority: -5 });
        server.publish(low);
        for (const one of [track, low]) {
            one.openGroup().close();
            one.openGroup().close();
        }
        const wishes: Wish[] = [WISH, { ...WISH, order: "oldest" }, { ...WISH, priority: 1 }];
        const orders: number[][] = [];
        for (const [path, wish] of [...wishes.map((wish) => ["a", wish] as const), ["low", WISH] as const]) {
            serverEnd.sendOrders = [];
            client.subscribe([path], { ...wish, from: 0 });
            await until(() => serverEnd.sendOrders.length === 2);
            orders.push(serverEnd.sendOrders);
        }
        const [newest = [], oldest = [], important = [], unimportant = []] = orders as [number[], ...number[][]];
        expect(newest[1]).toBeGreaterThan(newest[0] ?? 0);
        expect(oldest[1]).toBeLessThan(oldest[0] ?? 0);
        expect(Math.min(...important)).toBeGreaterThan(Math.max(...newest, ...oldest));
        expect(Math.max(...unimportant)).toBeLessThan(Math.min(...newest, ...oldest));
        expect(orders.flat().every(Number.isSafeInteger)).toBe(true);
        client.close();
    });
});
