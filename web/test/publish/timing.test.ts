// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { Rate } from "../../src/publish/engine/rate.ts";
import { Keyframes, Strain, Thinner, Timeline } from "../../src/publish/engine/timing.ts";

describe("the time line", () => {
    test("puts sources with different zeros at the same place", () => {
        const [video, sound] = [new Timeline(500), new Timeline(500)];
        let apartUs = 0;
        for (let ms = 1000; ms < 5000; ms += 20) {
            const jitterMs = (ms * 7919) % 15;
            const a = video.place(ms * 1000 + 123456789, ms + jitterMs);
            const b = sound.place(ms * 1000, ms + 3);
            apartUs = Math.abs(a - b);
        }
        expect(apartUs).toBeLessThanOrEqual(5000);
    });

    test("begins at zero and rises, whatever comes", () => {
        const timeline = new Timeline(20);
        let before = -1;
        for (const [us, ms] of [
            [0, 10],
            [0, 11],
            [50_000, 30],
            [40_000, 50],
            [9e9, 70],
            [5, 5000],
        ] as const) {
            const placed = timeline.place(us, ms);
            expect(placed).toBeGreaterThan(before);
            before = placed;
        }
        expect(timeline.placeNow(5000)).toBe(before + 1);
    });

    test("follows a clock that is 200 parts in a million slow", () => {
        const timeline = new Timeline(0);
        let offMs = 0;
        for (let ms = 0; ms < 600_000; ms += 33) offMs = ms - timeline.place(ms * 1000 * 0.9998, ms) / 1000;
        expect(Math.abs(offMs)).toBeLessThan(5);
    });

    test("a source that begins again at its zero goes on where it is", () => {
        const timeline = new Timeline(0);
        for (let ms = 0; ms < 10_000; ms += 40) expect(timeline.place((ms % 1000) * 1000, ms)).toBe(ms * 1000);
    });

    test("a source that has paused is at its place again after two windows", () => {
        const timeline = new Timeline(0);
        for (let ms = 0; ms < 3000; ms += 40) timeline.place(ms * 1000, ms);
        let offUs = 0;
        for (let ms = 4000; ms < 8500; ms += 40) offUs = ms * 1000 - timeline.place((ms - 1000) * 1000, ms);
        expect(offUs).toBe(0);
    });

    test("another source may have another zero", () => {
        const timeline = new Timeline(0);
        timeline.place(5e6, 100);
        timeline.restart();
        expect(timeline.place(6e6, 200)).toBe(200_000);
    });
});

test("keyframes keep their interval when frames are dropped, and come when asked for", () => {
    const keyframes = new Keyframes(2, 25);
    const due: number[] = [];
    for (let ms = 0; ms < 13_000; ms += 40) {
        if (ms > 1900 && ms < 2300) continue; // dropped
        if (ms > 7500 && ms < 10_300) continue;
        if (ms === 7000) keyframes.ask();
        if (keyframes.isDue(ms * 1000)) due.push(ms);
    }
    expect(due).toEqual([0, 2320, 4000, 6000, 7000, 10_320, 12_320]);
});

test("a keyframe is the frame that is nearest to its time", () => {
    const keyframes = new Keyframes(1, 30);
    const due: number[] = [];
    for (let i = 0; i < 100; i++) {
        const ms = i * 50 - (i % 20 === 0 && i > 0 ? 2 : 0);
        if (keyframes.isDue(ms * 1000)) due.push(ms);
    }
    expect(due).toEqual([0, 998, 1998, 2998, 3998]);
});

test.each([
    [60, 30],
    [50, 25],
    [30, 30],
    [25, 30],
    [59.94, 29.97],
])("a source of %d frames a second is thinned to at most %d", (from, to) => {
    const thinner = new Thinner(to);
    let taken = 0;
    for (let i = 0; i < from * 10; i++) if (thinner.isTaken((i * 1e6) / from + ((i * 7) % 5) * 300)) taken++;
    expect(taken / 10).toBeGreaterThan(Math.min(from, to) * 0.97);
    expect(taken / 10).toBeLessThan(Math.min(from, to) * 1.03 + 0.2);
});

test("a machine is too slow when it drops a fifth again and again, not once", () => {
    const strain = new Strain();
    const run = (frames: number, every: number) =>
        Array.from({ length: frames }, (_, i) => strain.count(i % every === 0)).filter(Boolean).length;
    expect(run(1500, 10)).toBe(0);
    expect(run(150, 2)).toBe(0);
    expect(run(150, 100)).toBe(0);
    expect(run(300, 3)).toBe(1);
});

test("a rate is that of the last two seconds", () => {
    const rate = new Rate();
    expect(rate.perSecond(0)).toBe(0);
    const young = new Rate();
    for (let ms = 0; ms < 100; ms += 10) young.count(ms, 1);
    expect(young.perSecond(100)).toBe(10);
    for (let ms = 0; ms < 10_000; ms += 10) rate.count(ms, 2);
    expect(rate.perSecond(10_000)).toBeCloseTo(200, -1);
    expect(rate.perSecond(11_000)).toBeCloseTo(100, -1);
    expect(rate.perSecond(20_000)).toBe(0);
});
