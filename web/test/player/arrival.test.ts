// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { Arrivals } from "../../src/player/engine/arrival.ts";

/** Frames every 20 ms from `fromMs` on, each `delayMs` after its media time plus 1000. */
function arrive(arrivals: Arrivals, fromMs: number, count: number, delayMs: (i: number) => number): number {
    let nowMs = 0;
    for (let i = 0; i < count; i++) {
        const mediaMs = fromMs + i * 20;
        nowMs = Math.max(nowMs, 1000 + mediaMs + delayMs(i));
        arrivals.note("audio", mediaMs * 1000, nowMs);
    }
    return nowMs;
}

describe("arrivals", () => {
    test("know where live is, also while nothing arrives", () => {
        const arrivals = new Arrivals();
        expect(arrivals.liveUs(0)).toBeUndefined();
        const nowMs = arrive(arrivals, 0, 100, (i) => (i % 3) * 10);
        expect(arrivals.liveUs(nowMs + 500)).toBe((nowMs + 500 - 1000) * 1000);
        expect(arrivals.newestUs()).toBe(99 * 20_000);
    });

    test("tell what latency lets almost all frames come in time", () => {
        const steady = new Arrivals();
        expect(steady.neededMs(arrive(steady, 0, 500, () => 5))).toBeLessThan(30);
        const jittery = new Arrivals();
        const needed = jittery.neededMs(arrive(jittery, 0, 500, (i) => (i % 25 === 0 ? 150 : 0)));
        expect(needed).toBeGreaterThan(140);
        expect(needed).toBeLessThan(180);
    });

    test("do not count the burst of a group that began before we came", () => {
        const arrivals = new Arrivals();
        // Two seconds at once, then live.
        for (let i = 0; i < 100; i++) arrivals.note("video", i * 20_000, 3000 + i * 0.2);
        let nowMs = 3020;
        for (let i = 100; i < 200; i++) {
            nowMs = 1010 + i * 20;
            arrivals.note("video", i * 20_000, nowMs);
        }
        expect(arrivals.neededMs(nowMs)).toBeLessThan(40);
    });

    test("are settled after a burst, or after a while", () => {
        const arrivals = new Arrivals();
        expect(arrivals.isSettled("video", 0)).toBe(false);
        for (let i = 0; i < 10; i++) arrivals.note("video", i * 33_000, 1000 + i);
        expect(arrivals.isSettled("video", 1010)).toBe(false);
        expect(arrivals.isSettled("video", 1045)).toBe(true);
        for (let i = 10; i < 400; i++) arrivals.note("video", i * 33_000, 1000 + i);
        expect(arrivals.isSettled("video", 1400)).toBe(true);
    });

    test("take a stray time for what it is, and several for another timeline", () => {
        const arrivals = new Arrivals();
        const nowMs = arrive(arrivals, 0, 100, () => 0);
        expect(arrivals.note("audio", 3_600_000_000, nowMs + 20)).toBe("ok");
        expect(arrivals.liveUs(nowMs)).toBe((nowMs - 1000) * 1000);
        arrivals.note("audio", 2_000_000, nowMs + 20);
        const answers = [0, 1, 2, 3, 4].map((i) =>
            arrivals.note("audio", 3_600_000_000 + i * 20_000, nowMs + 40 + i * 20),
        );
        expect(answers).toEqual(["ok", "ok", "ok", "ok", "jump"]);
        expect(arrivals.liveUs(nowMs + 120)).toBe(3_600_080_000);
    });

    test("forget a way that is no longer there", () => {
        const arrivals = new Arrivals();
        arrive(arrivals, 0, 100, () => 0);
        // The way has become 80 ms longer.
        const nowMs = arrive(arrivals, 2000, 2000, () => 80);
        expect(arrivals.liveUs(nowMs)).toBe((nowMs - 1080) * 1000);
        expect(arrivals.neededMs(nowMs)).toBeLessThan(40);
    });
});
