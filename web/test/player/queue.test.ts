// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { GroupQueue, MAX_QUEUE_BYTES, MAX_QUEUE_FRAMES, MAX_QUEUE_GROUPS } from "../../src/player/engine/queue.ts";
import { VIDEO } from "./rig.ts";

/** Groups of `size` frames, 100 us apart; the first begins at 0. */
function queueOf(groups: Record<number, number>, size = 3): GroupQueue<typeof VIDEO> {
    const queue = new GroupQueue<typeof VIDEO>();
    for (const [sequence, count] of Object.entries(groups)) {
        queue.open(Number(sequence));
        for (let i = 0; i < count; i++)
            queue.push(Number(sequence), (Number(sequence) * size + i) * 100, Uint8Array.of(i), VIDEO);
        if (count === size) queue.close(Number(sequence));
    }
    return queue;
}

function takeAll(queue: GroupQueue<typeof VIDEO>, positionUs?: number, dueUs?: number): number[] {
    const times: number[] = [];
    for (let frame = queue.take(positionUs, dueUs); frame; frame = queue.take(positionUs, dueUs))
        times.push(frame.timeUs);
    return times;
}

describe("a queue of groups", () => {
    test("gives frames in order, and marks the first of a group", () => {
        const queue = queueOf({ 0: 3, 1: 2 });
        expect(queue.take(0, 0)?.isKey).toBe(true);
        expect(queue.take(0, 0)?.isKey).toBe(false);
        expect(takeAll(queue, 0, 0)).toEqual([200, 300, 400]);
        expect(queue.bytes).toBe(0);
        expect(queue.groupsSkipped).toBe(0);
    });

    test("finishes a group that is behind while a later one is there", () => {
        const queue = queueOf({ 0: 2, 1: 3 });
        expect(takeAll(queue, 0, 250)).toEqual([0, 100]);
        queue.push(0, 200, Uint8Array.of(2), VIDEO);
        queue.close(0);
        expect(takeAll(queue, 0, 250)).toEqual([200, 300, 400, 500]);
    });

    test("leaves a stalled group when a later one is due", () => {
        const queue = queueOf({ 0: 2, 1: 3 });
        expect(takeAll(queue, 100, 300)).toEqual([0, 100, 300, 400, 500]);
        expect(queue.push(0, 200, Uint8Array.of(2), VIDEO)).toBe(false);
        expect(queue.open(0)).toBe(false);
    });

    test("leaves frames that playback has passed, from the next group on", () => {
        const queue = queueOf({ 0: 3, 1: 3, 2: 3 });
        expect(takeAll(queue, 650, 650)).toEqual([600, 700, 800]);
        expect(queue.framesDropped).toBe(6);
        expect(queue.groupsSkipped).toBe(2);
    });

    test("waits for a missing group until the one after it is due, or until it is known not to come", () => {
        const waiting = queueOf({ 0: 3, 2: 3 });
        expect(takeAll(waiting, 0, 500)).toEqual([0, 100, 200]);
        expect(takeAll(waiting, 0, 600)).toEqual([600, 700, 800]);
        expect(waiting.groupsSkipped).toBe(1);
        const told = queueOf({ 0: 3, 2: 3 });
        told.noteGap(1, 1);
        expect(takeAll(told, 0, 500).length).toBe(6);
    });

    test("does not begin a group that was overtaken", () => {
        const queue = queueOf({ 2: 1 });
        expect(queue.take()?.timeUs).toBe(600);
        expect(queue.open(1)).toBe(false);
        expect(queue.open(3)).toBe(true);
    });

    test("waits for nothing before playback has begun", () => {
        expect(takeAll(queueOf({ 0: 2, 2: 3 }))).toEqual([0, 100, 600, 700, 800]);
    });

    test("begins with a group without counting what lies before it", () => {
        const queue = queueOf({ 0: 3, 1: 3 });
        expect(queue.upcoming()).toEqual([
            { sequence: 0, firstUs: 0 },
            { sequence: 1, firstUs: 300 },
        ]);
        queue.beginWith(1);
        expect([queue.framesDropped, queue.groupsSkipped]).toEqual([0, 0]);
        expect(takeAll(queue)).toEqual([300, 400, 500]);
    });

    test("is bounded in groups, frames and bytes", () => {
        const groups = new GroupQueue<typeof VIDEO>();
        for (let i = 0; i < MAX_QUEUE_GROUPS + 10; i++) groups.open(i);
        expect(groups.open(5)).toBe(false);
        expect(groups.open(10)).toBe(false);
        const frames = new GroupQueue<typeof VIDEO>();
        frames.open(0);
        frames.open(1);
        for (let i = 0; i < 10; i++) frames.push(0, i, Uint8Array.of(0), VIDEO);
        for (let i = 0; i < MAX_QUEUE_FRAMES; i++) frames.push(1, 10 + i, Uint8Array.of(0), VIDEO);
        expect(frames.frames).toBe(MAX_QUEUE_FRAMES);
        expect(frames.take()?.timeUs).toBe(10);
        const bytes = new GroupQueue<typeof VIDEO>();
        for (let i = 0; i < 2; i++) {
            bytes.open(i);
            bytes.push(i, i, new Uint8Array(MAX_QUEUE_BYTES / 2 + 1), VIDEO);
        }
        expect(bytes.bytes).toBe(MAX_QUEUE_BYTES / 2 + 1);
        expect(bytes.take()?.timeUs).toBe(1);
    });
});
