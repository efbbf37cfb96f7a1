// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { MAX_LEAN_US, MediaClock } from "../../src/player/engine/clock.ts";

test("it has no time before it is set, stands until it runs, and keeps its rate", () => {
    const clock = new MediaClock();
    expect(clock.timeUs(0)).toBeUndefined();
    clock.set(5_000_000, 100);
    expect(clock.timeUs(200)).toBe(5_000_000);
    clock.run(200);
    expect(clock.timeUs(300)).toBe(5_100_000);
    clock.setRate(1.5, 300);
    expect(clock.timeUs(400)).toBe(5_250_000);
    clock.stop(400);
    expect(clock.timeUs(900)).toBe(5_250_000);
    clock.clear();
    expect(clock.isSet).toBe(false);
});

test("it leans towards what is heard, without a jump and without going back", () => {
    const clock = new MediaClock();
    clock.set(0, 0);
    clock.run(0);
    let last = 0;
    for (let now = 10; now <= 2000; now += 10) {
        clock.follow(now * 1000 - 50_000, now);
        const time = clock.timeUs(now) ?? 0;
        expect(time).toBeGreaterThan(last);
        expect(time - last).toBeLessThan(12_000);
        last = time;
    }
    expect(last).toBeCloseTo(1_950_000, -2);
});

test("sound that is far off is told, and not followed", () => {
    const clock = new MediaClock();
    clock.set(1_000_000, 0);
    clock.run(0);
    expect(clock.follow(1_010_000 + 2 * MAX_LEAN_US, 10)).toBe(2 * MAX_LEAN_US);
    expect(clock.timeUs(10)).toBe(1_010_000);
});
