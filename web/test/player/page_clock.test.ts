// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { PageClock } from "../../src/player/engine/page_clock.ts";

test("the page's time is that of the message that came fastest, whatever the others took", () => {
    const clock = new PageClock();
    expect(clock.at(50)).toBe(50);
    clock.note(1000, 90); // 40 ms on its way: the page is 950 ms ahead
    expect(clock.at(100)).toBe(1010);
    clock.note(1100, 150);
    expect(clock.at(200)).toBe(1150);
    clock.note(1200, 3000);
    clock.note(1300, 351);
    expect(clock.at(3100)).toBe(4050);
});
