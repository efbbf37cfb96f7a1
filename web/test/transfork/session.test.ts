// SPDX-License-Identifier: MIT OR Apache-2.0
// Sessions of ours against each other: what one publishes, the other sees.
import { describe, expect, it } from "vitest";
import { createTrack } from "../../src/transfork/track.ts";
import type { Announced, Announcement, Gap, GroupReader, Subscription } from "../../src/transfork/types.ts";
import { openPair, until, WISH, watchTrack } from "./pair.ts";
import { randomBytes } from "./random.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (words: string) => new TextEncoder().encode(words);

async function readAll(group: GroupReader): Promise<string[]> {
    const frames: string[] = [];
    for (let frame = await group.readFrame(); frame; frame = await group.readFrame()) frames.push(text(frame));
    return frames;
}

async function firstGroup(subscription: Subscription): Promise<GroupReader> {
    for await (const group of subscription.groups) return group;
    throw new Error("no group came");
}

/** Collects announcements as words. */
function collect(announced: Announced): string[] {
    const said: string[] = [];
    const words = (one: Announcement) => (one.kind === "live" ? "live" : `${one.kind} ${one.path.join("/")}`);
    (async () => {
        for await (const one of announced) said.push(words(one));
        said.push("over");
    })();
    return said;
}

describe.each(["02", "03"] as const)("a session of version %s", (version) => {
    it("announces what is published, below a prefix, and its end", async () => {
        const { client, server } = await openPair(version, { pieceMax: 3 });
        const before = createTrack(["demo", "a"]);
        server.publish(before);
        const all = collect(client.announced([]));
        const some = collect(client.announced(["demo", "b"]));
        await until(() => all.includes("live") && some.includes("live"));
        server.publish(createTrack(["demo", "b"]));
        server.publish(createTrack(["demo", "b", "c"]));
        before.close();
        await until(() => all.length === 5 && some.length === 3);
        expect(all).toEqual(["active demo/a", "live", "active demo/b", "active demo/b/c", "ended demo/a"]);
        expect(some).toEqual(["live", "active demo/b", "active demo/b/c"]);
        client.close();
        await until(() => all.at(-1) === "over" && some.at(-1) === "over");
    });

    it("gives a late viewer the newest group from its first frame, and then what comes", async () => {
        const { client, server } = await openPair(version, { pieceMax: 5 });
        const track = createTrack(["clock"], { priority: 3 });
        server.publish(track);
        track.openGroup().writeFrame(bytes("old"));
        const group = track.openGroup();
        group.writeFrame(bytes("one"));
        group.writeFrame(bytes(""));
        const subscription = client.subscribe(["clock"], { ...WISH, priority: -5 });
        const info = await subscription.info;
        expect(info).toEqual({ priority: -5, order: "newest", expiresMs: 0, latest: 1 });
        const reader = await firstGroup(subscription);
        expect(reader.sequence).toBe(1);
        expect(text((await reader.readFrame()) ?? bytes("?"))).toBe("one");
        group.writeFrame(bytes("three"));
        group.close();
        expect(await readAll(reader)).toEqual(["", "three"]);
        track.close();
        expect(await subscription.ended).toBeUndefined();
        client.close();
    });

    it("says what a track is like, and fetches groups that were", async () => {
        const { client, server } = await openPair(version, { pieceMax: 2 });
        const track = createTrack(["clock"], { priority: 3 });
        server.publish(track);
        for (let i = 0; i < 6; i++) {
            const group = track.openGroup();
            for (const word of ["a", "bb", "ccc"]) group.writeFrame(bytes(`${i}${word}`));
        }
        expect(await client.info(["clock"])).toEqual({ priority: 3, order: "newest", expiresMs: 0, latest: 5 });
        await expect(client.info(["nothing"])).rejects.toMatchObject({ code: 13 });
        expect(await readAll(client.fetch(["clock"], 4))).toEqual(["4a", "4bb", "4ccc"]);
        expect(await readAll(client.fetch(["clock"], 3, 2))).toEqual(["3ccc"]);
        await expect(client.fetch(["clock"], 1).readFrame()).rejects.toMatchObject({ code: 13 });
        await expect(client.fetch(["nothing"], 1).readFrame()).rejects.toMatchObject({ code: 13 });
        const growing = client.fetch(["clock"], 5, 1);
        expect(text((await growing.readFrame()) ?? bytes("?"))).toBe("5bb");
        track.close();
        expect(await readAll(growing)).toEqual(["5ccc"]);
        client.close();
    });

    it("refuses a track that is not there, and whoever does not look hears nothing", async () => {
        const { client } = await openPair(version);
        const subscription = client.subscribe(["nothing"], WISH);
        expect(await subscription.ended).toMatchObject({ code: 13 });
        await expect(subscription.info).rejects.toMatchObject({ code: 13 });
        for await (const _ of subscription.groups) throw new Error("a group of nothing");
        client.subscribe(["nothing"], WISH);
        client.close();
    });

    it("sends a range, and tells what is gone of it", async () => {
        const { client, server } = await openPair(version);
        const track = createTrack(["clock"]);
        server.publish(track);
        for (let i = 0; i < 8; i++) track.openGroup().writeFrame(bytes(`${i}`));
        const gaps: Gap[] = [];
        const subscription = client.subscribe(["clock"], { ...WISH, from: 2, to: 8 });
        subscription.onGap = (gap) => gaps.push(gap);
        await until(() => track.viewers === 1);
        track.openGroup().writeFrame(bytes("8"));
        track.openGroup().writeFrame(bytes("9"));
        const frames = new Map<number, string[]>();
        for await (const group of subscription.groups) frames.set(group.sequence, await readAll(group));
        for (let i = 2; i <= 8; i++) {
            const isTold = gaps.some(({ first, last }) => first <= i && i <= last);
            expect(isTold ? undefined : [`${i}`]).toEqual(frames.get(i));
        }
        expect(frames.size).toBeGreaterThan(3);
        expect(gaps).toContainEqual({ first: 2, last: 3, code: 13 });
        expect(await subscription.ended).toBeUndefined();
        client.close();
    });

    it("tells a viewer of a group that was aborted", async () => {
        const { client, server } = await openPair(version);
        const { track, subscription, gaps } = await watchTrack({ client, server }, "clock");
        const group = track.openGroup();
        group.writeFrame(bytes("one"));
        const reader = await firstGroup(subscription);
        expect(text((await reader.readFrame()) ?? bytes("?"))).toBe("one");
        const next = reader.readFrame();
        next.catch(() => {});
        group.abort(5);
        await expect(next).rejects.toMatchObject({ code: 5 });
        await until(() => gaps.length === 1);
        expect(gaps).toEqual([{ first: 0, last: 0, code: 5 }]);
        client.close();
    });

    it("tells what is still to be sent, and gives it up when asked", async () => {
        const { client, server } = await openPair(version);
        const { track, subscription, gaps } = await watchTrack({ client, server }, "clock");
        const group = track.openGroup();
        expect(track.unsentBytes).toBe(0);
        group.writeFrame(bytes("one"));
        expect(track.unsentBytes).toBe(4);
        const reader = await firstGroup(subscription);
        expect(text((await reader.readFrame()) ?? bytes("?"))).toBe("one");
        await until(() => track.unsentBytes === 0);
        group.writeFrame(new Uint8Array(1 << 20));
        track.giveUp();
        await expect(reader.readFrame()).rejects.toMatchObject({ code: 0 });
        await until(() => gaps.length === 1 && track.unsentBytes === 0);
        track.openGroup().writeFrame(bytes("two"));
        expect(track.unsentBytes).toBe(4);
        client.close();
    });

    it("counts viewers, and a viewer that leaves gets no more", async () => {
        const { client, server, serverEnd } = await openPair(version);
        const track = createTrack(["clock"]);
        const counts: number[] = [];
        track.onViewers = (viewers) => counts.push(viewers);
        server.publish(track);
        const group = track.openGroup();
        group.writeFrame(bytes("one"));
        const subscription = client.subscribe(["clock"], WISH);
        const other = client.subscribe(["clock"], WISH);
        const reader = await firstGroup(subscription);
        await until(() => track.viewers === 2);
        subscription.close();
        expect(await subscription.ended).toBeUndefined();
        await expect(reader.readFrame().then(() => reader.readFrame())).rejects.toMatchObject({ code: 0 });
        await until(() => track.viewers === 1);
        other.close();
        await until(() => track.viewers === 0 && serverEnd.openStreams === 0);
        expect(counts).toEqual([1, 2, 1, 0]);
        client.close();
    });

    it("carries large frames whole, however they are cut", async () => {
        const { client, server } = await openPair(version, { pieceMax: 50_000 });
        const track = createTrack(["video"]);
        server.publish(track);
        const large = randomBytes(3_000_000);
        const subscription = client.subscribe(["video"], WISH);
        await until(() => track.viewers === 1);
        const group = track.openGroup();
        group.writeFrame(bytes("small"));
        group.writeFrame(large);
        group.writeFrame(bytes("small"));
        group.close();
        const reader = await firstGroup(subscription);
        expect(text((await reader.readFrame()) ?? bytes("?"))).toBe("small");
        const frame = await reader.readFrame();
        expect(Buffer.compare(frame ?? bytes("?"), large)).toBe(0);
        expect(frame?.buffer.byteLength).toBe(large.length);
        expect(await readAll(reader)).toEqual(["small"]);
        client.close();
    });

    it("changes a wish while it runs", async () => {
        const { client, server } = await openPair(version);
        const track = createTrack(["clock"]);
        server.publish(track);
        const subscription = client.subscribe(["clock"], WISH);
        await until(() => track.viewers === 1);
        track.openGroup().close();
        subscription.update({ to: 1 });
        await subscription.info;
        const sequences: number[] = [];
        const reading = (async () => {
            for await (const group of subscription.groups) sequences.push(group.sequence);
        })();
        await until(() => sequences.length === 1);
        for (let i = 0; i < 3; i++) track.openGroup().close();
        expect(await subscription.ended).toBeUndefined();
        await reading;
        expect(sequences.sort()).toEqual([0, 1]);
        client.close();
    });

    it("can publish in both directions at once", async () => {
        const { client, server } = await openPair(version);
        const ours = createTrack(["ours"]);
        const theirs = createTrack(["theirs"]);
        client.publish(ours);
        server.publish(theirs);
        const said = collect(server.announced([]));
        await until(() => said.length > 0);
        expect(said[0]).toBe("active ours");
        ours.openGroup().writeFrame(bytes("from the client"));
        theirs.openGroup().writeFrame(bytes("from the server"));
        const [a, b] = await Promise.all([
            firstGroup(server.subscribe(["ours"], WISH)).then((group) => group.readFrame()),
            firstGroup(client.subscribe(["theirs"], WISH)).then((group) => group.readFrame()),
        ]);
        expect([a, b].map((frame) => text(frame ?? bytes("?")))).toEqual(["from the client", "from the server"]);
        client.close();
    });
});
