// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { Beat } from "../../src/publish/engine/beat.ts";

/** Between -1 and 1, the same in each run. */
function makeNoise(seed = 1): () => number {
    let state = seed;
    return () => {
        state = (state * 48271) % 2147483647;
        return (2 * state) / 2147483647 - 1;
    };
}

interface Camera {
    stepUs: number;
    jitterUs?: number;
    count?: number;
    isMissing?: (i: number) => boolean;
}

/** True times, and where a camera's pictures are placed. */
function film(beat: Beat, { stepUs, jitterUs = 0, count = 400, isMissing = () => false }: Camera, fromUs = 100_000) {
    const noise = makeNoise();
    const shots: { trueUs: number; placedUs: number }[] = [];
    for (let i = 0; i < count; i++) {
        const trueUs = Math.round(fromUs + i * stepUs);
        if (isMissing(i)) continue;
        shots.push({ trueUs, placedUs: beat.place(trueUs + Math.round(jitterUs * noise())) });
    }
    return shots;
}

const stepsOf = (shots: { placedUs: number }[]) =>
    shots.slice(1).map((shot, i) => shot.placedUs - (shots[i]?.placedUs ?? 0));
const farthest = (shots: { trueUs: number; placedUs: number }[]) =>
    Math.max(...shots.map(({ trueUs, placedUs }) => Math.abs(trueUs - placedUs)));

describe("the beat of a camera", () => {
    test("times without jitter stay as they are", () => {
        const shots = film(new Beat(), { stepUs: 1e6 / 30 });
        expect(farthest(shots)).toBeLessThanOrEqual(2);
    });

    test("jitter is taken out", () => {
        const shots = film(new Beat(), { stepUs: 50_000, jitterUs: 6_000 }).slice(40);
        for (const stepUs of stepsOf(shots)) expect(Math.abs(stepUs - 50_000)).toBeLessThan(1_500);
        expect(farthest(shots)).toBeLessThan(3_000);
    });

    test("no picture is moved by more than a quarter of a step, whatever comes", () => {
        for (let seed = 1; seed < 20; seed++) {
            const noise = makeNoise(seed);
            const beat = new Beat();
            let us = 0;
            let before = -1;
            for (let i = 0; i < 300; i++) {
                us += Math.round((1 + noise()) * (i % 100 < 50 ? 33_333 : 100_000)) + 1;
                const placedUs = beat.place(us);
                expect(placedUs).toBeGreaterThan(before);
                expect(Math.abs(placedUs - us)).toBeLessThan(125_000 / 4 + 1);
                before = placedUs;
            }
        }
    });

    test("pictures that are missing leave their places free", () => {
        const shots = film(new Beat(), { stepUs: 40_000, jitterUs: 4_000, isMissing: (i) => i % 10 > 7 }).slice(40);
        expect(farthest(shots)).toBeLessThan(3_000);
    });

    test("a clock that is slow is followed", () => {
        const shots = film(new Beat(), { stepUs: 33_333 * 1.0005, jitterUs: 3_000, count: 5000 }).slice(40);
        expect(farthest(shots)).toBeLessThan(2_000);
    });

    test("another rate is another beat", () => {
        const beat = new Beat();
        film(beat, { stepUs: 33_333, jitterUs: 2_000, count: 100 });
        const dark = film(beat, { stepUs: 66_667, jitterUs: 4_000, count: 100 }, 5e6);
        expect(farthest(dark.slice(50))).toBeLessThan(3_000);
        const bright = film(beat, { stepUs: 33_333, jitterUs: 2_000, count: 100 }, 15e6);
        expect(farthest(bright.slice(50))).toBeLessThan(2_000);
    });

    test("a step that fits only every third picture is given up", () => {
        const beat = new Beat();
        film(beat, { stepUs: 37_500, count: 3 }, 0);
        const shots = film(beat, { stepUs: 50_000, jitterUs: 3_000, count: 100 }, 112_500);
        expect(farthest(shots.slice(50))).toBeLessThan(2_000);
    });

    test("one that comes late keeps its time, and those that follow theirs", () => {
        const beat = new Beat();
        film(beat, { stepUs: 40_000, count: 50 }, 0);
        expect(beat.place(50 * 40_000 + 27_000)).toBe(50 * 40_000 + 27_000);
        expect(beat.place(51 * 40_000)).toBe(51 * 40_000);
    });

    test("what comes rarely keeps its times", () => {
        const beat = new Beat();
        for (const us of [0, 400_000, 810_000, 1_200_000, 1_650_000]) expect(beat.place(us)).toBe(us);
    });

    test("after a restart nothing is expected", () => {
        const beat = new Beat();
        film(beat, { stepUs: 40_000, count: 50 }, 0);
        beat.restart();
        expect(beat.place(2_007_000)).toBe(2_007_000);
        expect(beat.place(2_050_000)).toBe(2_050_000);
    });
});
