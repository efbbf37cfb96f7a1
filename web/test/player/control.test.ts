// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { choosePace, MAX_EXTRA_MS, SKIP_BEHIND_MS, targetOf } from "../../src/player/engine/control.ts";

const CALM = { targetMs: 200, isHasty: false, rate: 1 };

describe("the pace", () => {
    test("is 1 where it should be, and near it", () => {
        expect(choosePace({ ...CALM, behindMs: 200 })).toEqual({ rate: 1, isSkip: false });
        expect(choosePace({ ...CALM, behindMs: 235 }).rate).toBe(1);
        expect(choosePace({ ...CALM, behindMs: 165 }).rate).toBe(1);
    });

    test("changes by 5 % at most for small errors, a little more for large ones", () => {
        expect(choosePace({ ...CALM, behindMs: 480 }).rate).toBeCloseTo(1.05);
        expect(choosePace({ ...CALM, behindMs: 1800 }).rate).toBeCloseTo(1.12);
        expect(choosePace({ ...CALM, behindMs: 0 }).rate).toBeCloseTo(0.95);
        expect(choosePace({ ...CALM, targetMs: 3000, behindMs: 200 }).rate).toBeCloseTo(0.88);
    });

    test("once it corrects, it does so until little is left, and not beyond", () => {
        expect(choosePace({ ...CALM, rate: 1.02, behindMs: 225 }).rate).toBeGreaterThan(1);
        expect(choosePace({ ...CALM, rate: 1.02, behindMs: 205 }).rate).toBe(1);
        expect(choosePace({ ...CALM, rate: 1.02, behindMs: 180 }).rate).toBe(1);
    });

    test("is up to twice as fast, or half, for a latency that the viewer has just set", () => {
        expect(choosePace({ ...CALM, isHasty: true, behindMs: 1400 }).rate).toBe(2);
        expect(choosePace({ ...CALM, isHasty: true, targetMs: 1000, behindMs: 200 }).rate).toBe(0.5);
    });

    test("gives up when it is too far behind", () => {
        expect(choosePace({ ...CALM, behindMs: 201 + SKIP_BEHIND_MS }).isSkip).toBe(true);
        expect(choosePace({ ...CALM, behindMs: 199 + SKIP_BEHIND_MS }).isSkip).toBe(false);
    });
});

test("the target is what the viewer asks for, or what the network needs, within a bound", () => {
    expect(targetOf(200, 80)).toBe(200);
    expect(targetOf(200, 700)).toBe(700);
    expect(targetOf(200, 60_000)).toBe(200 + MAX_EXTRA_MS);
});
