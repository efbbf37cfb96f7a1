// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { Timeline } from "../../../src/player/audio/timeline.ts";
import { makeRandom, RATE } from "./rig.ts";

const CHUNK = 1024;

test("rounded and jittering times move no sample", () => {
    const random = makeRandom(2);
    for (const sampleRate of [44100, 48000]) {
        const timeline = new Timeline(sampleRate);
        for (let i = 0; i < 10_000; i++) {
            const timeUs = Math.round((i * CHUNK * 1e6) / sampleRate + (random() - 0.5) * 8000);
            const { silence, skip, isRestart } = timeline.place(timeUs, CHUNK);
            expect([silence, skip, isRestart]).toEqual([0, 0, i === 0]);
        }
        expect(timeline.end).toBe(10_000 * CHUNK);
    }
});

test.each([200, -200])("a drift of %d ppm is followed, not cut", (ppm) => {
    const timeline = new Timeline(RATE);
    let moved = 0;
    let most = 0;
    for (let i = 0; i < 100_000; i++) {
        const timeUs = Math.round(((i * CHUNK * 1e6) / RATE) * (1 + ppm / 1e6));
        const at = timeline.end;
        const { silence, skip } = timeline.place(timeUs, CHUNK);
        moved += silence + skip;
        most = Math.max(most, Math.abs(timeline.frameOf(timeUs) - at));
    }
    expect(moved).toBe(0);
    expect(most).toBeLessThan(0.001 * RATE);
});

test("holes, overlaps and jumps", () => {
    const timeline = new Timeline(RATE);
    expect(timeline.place(5e6, 4800)).toEqual({ silence: 0, skip: 0, isRestart: true });
    expect(timeline.place(5.12e6, 4800)).toEqual({ silence: 960, skip: 0, isRestart: false });
    expect(timeline.place(5.2e6, 4800)).toEqual({ silence: 0, skip: 960, isRestart: false });
    expect(timeline.place(5e6, 4800)).toEqual({ silence: 0, skip: 4800, isRestart: false });
    expect(timeline.end).toBe(4800 * 3 + 960 - 960);
    expect(timeline.place(7.3e6, 4800)).toEqual({ silence: 2 * RATE, skip: 0, isRestart: false });
    expect(timeline.place(9.5e6, 4800)).toEqual({ silence: 0, skip: 0, isRestart: true });
    expect(timeline.place(7e6, 4800)).toEqual({ silence: 0, skip: 0, isRestart: true });
    const { end } = timeline;
    timeline.reset();
    expect(timeline.place(7.1e6, 4800).isRestart).toBe(true);
    expect(timeline.start).toBe(end);
});
