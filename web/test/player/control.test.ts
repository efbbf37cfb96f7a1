// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import {
    choosePace,
    FASTEST,
    JUMP_HASTY_MS,
    MAX_EXTRA_MS,
    SKIP_BEHIND_MS,
    SLOWEST,
    targetOf,
} from "../../src/player/engine/control.ts";

const CALM = { targetMs: 200, isHasty: false, rate: 1 };

describe("the pace", () => {
    test("is 1 where it should be, and near it", () => {
        expect(choosePace({ ...CALM, behindMs: 200 })).toEqual({ rate: 1, isJump: false });
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

    test("differs more for a latency that the viewer has just set, within bounds", () => {
        expect(choosePace({ ...CALM, isHasty: true, behindMs: 600 })).toEqual({ rate: FASTEST, isJump: false });
        expect(choosePace({ ...CALM, isHasty: true, targetMs: 600, behindMs: 200 })).toEqual({
            rate: SLOWEST,
            isJump: false,
        });
        expect(choosePace({ ...CALM, isHasty: true, behindMs: 280 }).rate).toBeCloseTo(1.2);
    });

    test("jumps to one that is far away, in both directions", () => {
        expect(choosePace({ ...CALM, isHasty: true, behindMs: 201 + JUMP_HASTY_MS }).isJump).toBe(true);
        expect(choosePace({ ...CALM, isHasty: true, behindMs: 10, targetMs: 11 + JUMP_HASTY_MS }).isJump).toBe(true);
        expect(choosePace({ ...CALM, behindMs: 10, targetMs: 9000 }).isJump).toBe(false);
    });

    test("gives up when it is too far behind", () => {
        expect(choosePace({ ...CALM, behindMs: 201 + SKIP_BEHIND_MS }).isJump).toBe(true);
        expect(choosePace({ ...CALM, behindMs: 199 + SKIP_BEHIND_MS }).isJump).toBe(false);
    });
});

test("the target is what the viewer asks for, or what the network needs, within a bound", () => {
    expect(targetOf(200, 80)).toBe(200);
    expect(targetOf(200, 700)).toBe(700);
    expect(targetOf(200, 60_000)).toBe(200 + MAX_EXTRA_MS);
});
