// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { GroupQueue } from "../../src/player/engine/queue.ts";
import { MAX_REEL_BYTES, MAX_REEL_US, Reel } from "../../src/player/engine/reel.ts";
import { VIDEO } from "./rig.ts";

type Video = typeof VIDEO;

/** Groups of ten frames, 100 ms each, from group `first` on; all taken by the reel. */
function fill(reel: Reel<Video>, first: number, count: number, bytes = 1): GroupQueue<Video> {
    const queue = new GroupQueue<Video>();
    for (let sequence = first; sequence < first + count; sequence++) {
        queue.open(sequence);
        for (let i = 0; i < 10; i++) {
            queue.push(sequence, sequence * 1e6 + i * 1e5, new Uint8Array(bytes), VIDEO);
            while (reel.take(queue));
        }
        queue.close(sequence);
    }
    return queue;
}

function takeAll(reel: Reel<Video>, queue: GroupQueue<Video>): number[] {
    const times: number[] = [];
    for (let frame = reel.take(queue); frame; frame = reel.take(queue)) times.push(frame.timeUs);
    return times;
}

describe("a reel", () => {
    test("gives what was taken again, from the key frame that a decoder needs, and goes on with the queue", () => {
        const reel = new Reel<Video>();
        const queue = fill(reel, 0, 3);
        queue.open(3);
        queue.push(3, 3e6, new Uint8Array(1), VIDEO);
        reel.rewind(1.55e6);
        expect(reel.peek(queue)).toMatchObject({ timeUs: 1e6, isKey: true });
        expect(reel.isRewound).toBe(true);
        const times = takeAll(reel, queue);
        expect(times.slice(0, 2)).toEqual([1e6, 1.1e6]);
        expect(times.slice(-2)).toEqual([2.9e6, 3e6]);
        expect(times.length).toBe(21);
        expect(reel.isRewound).toBe(false);
    });

    test("begins with a later key frame when that is due already", () => {
        const reel = new Reel<Video>();
        const queue = fill(reel, 0, 4);
        reel.rewind(0.5e6);
        expect(reel.peek(queue, 0.6e6)?.timeUs).toBe(0);
        expect(reel.peek(queue, 2.3e6)?.timeUs).toBe(2e6);
    });

    test("of sound, begins with any frame", () => {
        const reel = new Reel<Video>(true);
        const queue = fill(reel, 0, 3);
        reel.rewind(1.55e6);
        expect(reel.take(queue)?.timeUs).toBe(1.5e6);
    });

    test("goes back to the oldest, where it has nothing older", () => {
        const reel = new Reel<Video>();
        reel.rewind(1e6);
        expect(reel.isRewound).toBe(false);
        const queue = fill(reel, 5, 2);
        reel.rewind(1e6);
        expect([reel.oldestUs, reel.peek(queue)?.timeUs]).toEqual([5e6, 5e6]);
    });

    test("holds no more than its bounds, in whole groups", () => {
        const long = new Reel<Video>();
        fill(long, 0, 30);
        expect(29.9e6 - (long.oldestUs ?? 0)).toBeGreaterThanOrEqual(MAX_REEL_US);
        expect(29.9e6 - (long.oldestUs ?? 0)).toBeLessThan(MAX_REEL_US + 1e6);
        const large = new Reel<Video>();
        const queue = fill(large, 0, 8, MAX_REEL_BYTES / 40);
        expect(large.oldestUs).toBe(4e6);
        large.rewind(0);
        expect(takeAll(large, queue).length).toBe(40);
    });

    test("does not hold a group that is too large by itself", () => {
        const reel = new Reel<Video>();
        const queue = fill(reel, 0, 1, MAX_REEL_BYTES / 8);
        expect(reel.oldestUs).toBeUndefined();
        reel.rewind(0);
        expect(takeAll(reel, queue)).toEqual([]);
    });
});
