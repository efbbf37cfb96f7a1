// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { RateMeter } from "../../src/player/engine/meter.ts";

test("a rate is that of the last two seconds", () => {
    const meter = new RateMeter();
    for (let ms = 0; ms < 4000; ms += 20) meter.add(2500, ms);
    expect(meter.rateBps(4000) / 1e6).toBeCloseTo(1, 1);
    expect(meter.rateBps(10_000)).toBe(0);
});
