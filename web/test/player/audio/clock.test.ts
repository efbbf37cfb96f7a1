// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { ClockOffset, MediaClock } from "../../../src/player/audio/clock.ts";
import { Page } from "../../../src/player/audio/memory.ts";
import { BLOCK, makeRandom, RATE, Rig, tone } from "./rig.ts";

describe("the offset of the device's clock", () => {
    /** Pairs of times every 200 ms, each off by up to `jitterMs`; returns how far off the offset is after each. */
    function errors(jitterMs: number, driftPpm: number, seconds: number): number[] {
        const random = makeRandom(5);
        const offset = new ClockOffset();
        return Array.from({ length: seconds * 5 }, (_, i) => {
            const pageMs = 1000 + i * 200;
            const contextMs = i * 200 * (1 + driftPpm / 1e6);
            offset.add(contextMs + (random() - 0.5) * 2 * jitterMs, pageMs);
            return Math.abs(offset.offsetMs - (pageMs - contextMs));
        });
    }

    test("jitter is averaged", () => {
        expect(Math.max(...errors(8, 0, 600).slice(10))).toBeLessThan(4);
        expect(Math.max(...errors(3, 0, 600).slice(10))).toBeLessThan(2);
    });

    test.each([200, -200])("a drift of %d ppm is followed", (ppm) => {
        expect(Math.max(...errors(2, ppm, 3600).slice(10))).toBeLessThan(2);
    });

    test("one wild value is ignored, a device that stood still is believed", () => {
        const offset = new ClockOffset();
        for (let ms = 0; ms < 2000; ms += 200) offset.add(ms, ms);
        offset.add(2000, 2500);
        expect(offset.offsetMs).toBe(0);
        for (let ms = 2200; ms < 3000; ms += 200) offset.add(ms - 300, ms);
        expect(offset.offsetMs).toBe(300);
    });
});

describe.each([
    ["shared memory", true],
    ["messages", false],
])("the clock over %s", (_, isShared) => {
    /** Blocks come in bursts of 10 ms, the page's offset jitters; gives wall time and media time every few ms. */
    function run(rates: number[], jitterMs: number): [number, number][] {
        const random = makeRandom(9);
        const rig = new Rig(isShared);
        rig.write(0, [tone(440, 4)]);
        rig.feed.playFrom(0);
        const seen: [number, number][] = [];
        let contextMs = 0;
        for (let ms = 0; ms < 3000; ms += 2) {
            if (ms % 200 === 0) {
                // Heard 50 ms after it is rendered.
                rig.page.values[Page.offsetMs] = 50 + (random() - 0.5) * 2 * jitterMs;
                rig.page.publish();
            }
            rig.feed.setRate(rates[Math.floor((ms / 3000) * rates.length)] ?? 1);
            while (contextMs + 10 <= ms) {
                for (const end = contextMs + 10; contextMs < end; contextMs += BLOCK / 48)
                    rig.block([new Float32Array(BLOCK)]);
            }
            const timeUs = rig.feed.timeUs(ms);
            if (timeUs !== undefined) seen.push([ms, timeUs / 1000]);
        }
        return seen;
    }

    function expectForward(seen: [number, number][]): void {
        for (let i = 1; i < seen.length; i++) expect(seen[i]?.[1]).toBeGreaterThanOrEqual(seen[i - 1]?.[1] ?? 0);
    }

    test("is what is heard, and never steps back", () => {
        const seen = run([1], 1);
        expectForward(seen);
        expect(seen.length).toBeGreaterThan(1450);
        for (const [pageMs, mediaMs] of seen) expect(Math.abs(pageMs - 50 - mediaMs - 10)).toBeLessThan(12);
        const offs = seen.map(([pageMs, mediaMs]) => pageMs - mediaMs);
        expect(Math.max(...offs) - Math.min(...offs)).toBeLessThan(4);
    });

    test("follows rates without a step", () => {
        const seen = run([1, 1.1, 0.9, 1, 1.05, 1], 1);
        expectForward(seen);
        for (let i = 1; i < seen.length; i++) {
            const [pageMs, mediaMs] = seen[i] ?? [0, 0];
            const [beforeMs, beforeMediaMs] = seen[i - 1] ?? [0, 0];
            expect(mediaMs - beforeMediaMs).toBeLessThan(1.3 * (pageMs - beforeMs));
        }
        const [[firstMs, firstMediaMs], [lastMs, lastMediaMs]] = [seen[0] ?? [0, 0], seen.at(-1) ?? [0, 0]];
        const mean = (1 + 1.1 + 0.9 + 1 + 1.05 + 1) / 6;
        expect(Math.abs((lastMediaMs - firstMediaMs) / (lastMs - firstMs) - mean)).toBeLessThan(0.02);
    });

    test("a jump is told when it is heard", () => {
        const rig = new Rig(isShared);
        rig.write(0, [tone(440, 4)]);
        rig.page.values[Page.offsetMs] = 100;
        rig.page.publish();
        rig.feed.playFrom(0);
        const each = () => rig.feed.timeUs(rig.nowMs);
        rig.play(0.5, each);
        rig.feed.playFrom(2e6);
        rig.play(0.09, each);
        expect(rig.feed.timeUs(rig.nowMs)).toBeUndefined();
        rig.play(0.03, each);
        expect(rig.feed.timeUs(rig.nowMs)).toBeGreaterThan(1.99e6);
    });

    test("is undefined while the context does not run, and when blocks no longer come", () => {
        const rig = new Rig(isShared);
        rig.write(0, [tone(440, 4)]);
        rig.feed.playFrom(0);
        expect(rig.feed.timeUs(0)).toBeUndefined();
        rig.play(0.5);
        const timeUs = rig.feed.timeUs(rig.nowMs) ?? Number.NaN;
        expect(timeUs).toBeGreaterThan(0.49e6);
        // It runs on for a moment, stands, and is gone.
        for (let ms = 10; ms <= 400; ms += 10) rig.feed.timeUs(rig.nowMs + ms);
        const standing = rig.feed.timeUs(rig.nowMs + 410) ?? Number.NaN;
        expect(standing).toBeLessThan(timeUs + 0.12e6);
        expect(rig.feed.timeUs(rig.nowMs + 420)).toBe(standing);
        expect(rig.feed.timeUs(rig.nowMs + 700)).toBeUndefined();
        rig.play(0.1);
        expect(rig.feed.timeUs(rig.nowMs)).toBeGreaterThan(timeUs);
        rig.page.values[Page.isRunning] = 0;
        rig.page.publish();
        rig.play(0.01);
        expect(rig.feed.timeUs(rig.nowMs)).toBeUndefined();
    });
});

test("a call with an earlier time does not disturb the clock", () => {
    const clock = new MediaClock(RATE);
    clock.addBlock({ contextFrame: 0, timeUs: 0, rate: 1, command: 1 });
    expect(clock.timeUs(50, 0)).toBeCloseTo(50_000);
    expect(clock.timeUs(40, 0)).toBeCloseTo(40_000);
    expect(clock.timeUs(55, 0)).toBeCloseTo(55_000);
});
