// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { LATE_US, Pictures } from "../../src/player/engine/pictures.ts";

function picturesAt(...times: number[]) {
    const closed: number[] = [];
    const pictures = new Pictures<{ timestamp: number; close(): void }>();
    for (const timestamp of times) pictures.add({ timestamp, close: () => closed.push(timestamp) });
    return { pictures, closed };
}

test("the newest that is due is picked, and those before it are late", () => {
    const { pictures, closed } = picturesAt(30, 10, 20, 40);
    expect(pictures.pick(5, false)).toBeUndefined();
    expect(pictures.pick(35, false)?.timestamp).toBe(30);
    expect(closed).toEqual([10, 20]);
    expect(pictures.late).toBe(2);
    expect(pictures.firstUs).toBe(40);
});

test("one that is itself late is shown only to the hungry", () => {
    const { pictures } = picturesAt(0);
    expect(pictures.pick(LATE_US + 1, false)).toBeUndefined();
    expect(pictures.late).toBe(1);
    const again = picturesAt(0);
    expect(again.pictures.pick(LATE_US + 1, true)?.timestamp).toBe(0);
});

test("what was shown is not shown again, and of twins the newer one counts", () => {
    const { pictures, closed } = picturesAt(10, 20, 20);
    expect(closed).toEqual([20]);
    pictures.pick(10, false);
    pictures.add({ timestamp: 10, close: () => closed.push(10) });
    expect(closed).toEqual([20, 10]);
    expect(pictures.count).toBe(1);
});

test("while a decoder catches up, what is passed is not late", () => {
    const { pictures, closed } = picturesAt(10, 20, 30);
    pictures.closeBefore(30);
    expect(closed).toEqual([10]);
    pictures.closeBefore(31);
    expect(closed).toEqual([10, 20]);
    expect(pictures.pick(31, false, true)?.timestamp).toBe(30);
    expect(pictures.late).toBe(0);
});

test("all are closed in the end, and times may begin anew", () => {
    const { pictures, closed } = picturesAt(10, 20);
    pictures.pickFirst();
    pictures.clear();
    expect(closed).toEqual([20]);
    pictures.add({ timestamp: 1, close: () => {} });
    expect(pictures.firstUs).toBe(1);
});
