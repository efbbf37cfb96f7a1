// SPDX-License-Identifier: MIT OR Apache-2.0
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Broadcast } from "../../src/karp/broadcast.ts";
import type { BroadcastEvent } from "../../src/karp/types.ts";
import { FakeSession } from "./session.ts";

let events: BroadcastEvent[];
let session: FakeSession;
let broadcast: Broadcast;

beforeEach(() => {
    vi.useFakeTimers();
    events = [];
    session = new FakeSession();
    broadcast = new Broadcast(["demo", "bbb"], (event) => events.push(event));
    broadcast.use(session.asSession());
});

afterEach(() => {
    broadcast.close();
    vi.useRealTimers();
});

function settle(ms = 0): Promise<unknown> {
    return vi.advanceTimersByTimeAsync(ms);
}

function told(): string[] {
    return events.map((event) => (event.kind === "offline" ? event.kind : `${event.kind} ${event.instance}`));
}

test("the newest instance is followed, and the older one again after it has ended", async () => {
    session.tell("active", "demo/bbb/1000");
    session.tell("active", "demo/bbb/999");
    session.tell("active", "demo/bbb/1000/video1");
    session.tell("active", "demo/bbb/foo");
    await settle();
    expect(session.subscriptions.map(({ path }) => path.join("/"))).toEqual(["demo/bbb/1000"]);
    session.last.deliver(0, "{}");
    await settle();
    session.tell("active", "demo/bbb/1001");
    await settle();
    expect(session.subscriptions[0]?.isClosed).toBe(true);
    session.last.deliver(0, "{}");
    await settle();
    session.tell("ended", "demo/bbb/1001");
    await settle();
    session.last.deliver(4, "{}");
    await settle();
    expect(told()).toEqual(["catalog 1000", "catalog 1001", "catalog 1000"]);
    expect(events[0]).toMatchObject({ path: ["demo", "bbb", "1000"], catalog: { video: [], audio: [] } });
});

test("of many instances the newest is followed, and an old one when the peer has said that it is there still", async () => {
    for (let id = 1; id <= 500; id++) session.tell("active", `demo/bbb/${id}`);
    await settle();
    expect(session.last.path.at(-1)).toBe("500");
    session.last.deliver(0, "{}");
    await settle();
    for (let id = 500; id > 3; id--) session.tell("ended", `demo/bbb/${id}`);
    await settle();
    expect([session.asked, told()]).toEqual([2, ["catalog 500"]]);
    for (const id of [1, 3, 2]) session.tell("active", `demo/bbb/${id}`);
    await settle();
    expect(session.last.path.at(-1)).toBe("3");
    session.last.deliver(0, "{}");
    await settle();
    expect(told()).toEqual(["catalog 500", "catalog 3"]);
});

test("nobody publishes: told at Live, or after half a second of silence", async () => {
    await settle(499);
    expect(told()).toEqual([]);
    await settle(2);
    expect(told()).toEqual(["offline"]);
    session.announcements.push({ kind: "live" });
    session.tell("active", "demo/bbb/7");
    await settle();
    session.last.deliver(0, "{}");
    await settle();
    session.tell("ended", "demo/bbb/7");
    await settle();
    expect(told()).toEqual(["offline", "catalog 7", "offline"]);
});

test("Live ends the waiting", async () => {
    session.announcements.push({ kind: "live" });
    await settle();
    expect(told()).toEqual(["offline"]);
});

test("each newer catalog is told, an equal or older one is not", async () => {
    session.tell("active", "demo/bbb/7");
    await settle();
    for (const [sequence, text] of [
        [3, "{}"],
        [4, "{}"],
        [2, '{"start":2}'],
        [5, '{"start":5}'],
    ] as const)
        session.last.deliver(sequence, text);
    await settle();
    expect(events).toMatchObject([{ catalog: {} }, { catalog: { startUs: 5 } }]);
});

test("a broken catalog says what is wrong, and the next one counts", async () => {
    session.tell("active", "demo/bbb/7");
    await settle();
    session.last.deliver(0, "[]");
    session.last.deliver(1, undefined);
    session.last.deliver(2, "{}");
    await settle();
    expect(events).toMatchObject([{ kind: "broken", message: "the catalog must be an object" }, { kind: "catalog" }]);
});

test("a catalog that fails is asked for again while its instance is announced", async () => {
    session.tell("active", "demo/bbb/7");
    await settle();
    session.last.close();
    await settle(1000);
    expect(session.subscriptions.length).toBe(2);
    session.tell("ended", "demo/bbb/7");
    session.last.close();
    await settle(5000);
    expect(session.subscriptions.length).toBe(2);
});

test("a catalog that stalls does not hold up a newer one", async () => {
    session.tell("active", "demo/bbb/7");
    await settle();
    session.last.stall(0);
    session.last.deliver(1, "{}");
    await settle();
    expect([told(), session.last.cancelled]).toEqual([["catalog 7"], [0, 1]]);
});

test("a catalog that was lost is asked for again, whether it was begun or not", async () => {
    session.tell("active", "demo/bbb/7");
    await settle();
    session.last.deliver(0, undefined);
    await settle(1000);
    expect(session.subscriptions.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    session.last.onGap?.({ first: 0, last: 1, code: 0 });
    await settle(1000);
    session.last.deliver(2, "{}");
    session.last.onGap?.({ first: 0, last: 1, code: 0 });
    await settle(10_000);
    expect([told(), session.subscriptions.length]).toEqual([["catalog 7"], 3]);
});

test("a catalog that does not come is told once, and asked for again and again", async () => {
    session.tell("active", "demo/bbb/7");
    await settle(4999);
    expect(told()).toEqual([]);
    await settle(10_001);
    expect([told(), session.subscriptions.length]).toEqual([["silent 7"], 4]);
    session.last.deliver(0, "{}");
    await settle(10_000);
    expect([told(), session.subscriptions.length]).toEqual([["silent 7", "catalog 7"], 4]);
});

test("announcements that end are asked for again, and what was announced counts until then", async () => {
    session.tell("active", "demo/bbb/7");
    await settle();
    session.last.deliver(0, "{}");
    session.announcements.end();
    await settle(999);
    expect([told(), session.asked]).toEqual([["catalog 7"], 1]);
    await settle(1);
    expect([told(), session.asked]).toEqual([["catalog 7"], 2]);
    session.announcements.push({ kind: "live" });
    await settle();
    expect(told()).toEqual(["catalog 7", "offline"]);
});

test("what ends with its session is not told", async () => {
    session.announcements.end();
    await settle();
    broadcast.use(undefined);
    await settle(10_000);
    expect([told(), session.asked]).toEqual([[], 1]);
});

test("a catalog that is too large is refused", async () => {
    session.tell("active", "demo/bbb/7");
    await settle();
    session.last.deliver(0, `{"video":[${" ".repeat(1 << 20)}]}`);
    await settle();
    expect(events).toMatchObject([{ kind: "broken", message: expect.stringContaining("bytes, at most") }]);
});

test("after the connection was lost, an equal catalog is not told again", async () => {
    session.tell("active", "demo/bbb/7");
    await settle();
    session.last.deliver(0, "{}");
    await settle();
    broadcast.use(undefined);
    const next = new FakeSession();
    broadcast.use(next.asSession());
    next.tell("active", "demo/bbb/7");
    await settle();
    next.last.deliver(0, "{}");
    await settle();
    expect(told()).toEqual(["catalog 7"]);
    expect(session.last.isClosed).toBe(true);
});
