// SPDX-License-Identifier: MIT OR Apache-2.0
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { Cell } from "../../../src/player/audio/cell.ts";
import { memorySize, openMemory } from "../../../src/player/audio/memory.ts";
import { Ring } from "../../../src/player/audio/ring.ts";
import { bundleWorklet } from "../../../worklet.mjs";
import { makeRandom } from "./rig.ts";

test("a reader meets whole sets of numbers only, and the samples that belong to them", async () => {
    const shared = new SharedArrayBuffer(memorySize(8000, 1));
    const { feed, ring } = openMemory(8000, 1, shared);
    const { code } = await bundleWorklet(join(import.meta.dirname, "writer.ts"));
    const setup = 'globalThis.shared = require("node:worker_threads").workerData;';
    const writer = new Worker(setup + code, { eval: true, workerData: shared });
    let isRunning = true;
    const ended = once(writer, "exit").then(([status]) => {
        isRunning = false;
        expect(status).toBe(0);
    });
    let taken = 0;
    let last = 0;
    const out = new Float32Array(160);
    while (isRunning) {
        for (let i = 0; i < 10_000; i++) {
            if (!feed.take()) continue;
            const { values } = feed;
            const first = values[0] ?? 0;
            taken++;
            if (values.some((value) => value !== first)) expect([...values]).toEqual([first]);
            const round = Math.floor(first);
            if (round <= last) expect(round).toBeGreaterThan(last);
            last = round;
            ring.end = (round + 1) * 160;
            ring.read(round * 160, 160, [out], 0);
            // The writer may be a whole length of the ring ahead by now, never behind.
            if (out.some((sample) => sample < round)) expect(Math.min(...out)).toBeGreaterThanOrEqual(round);
        }
        await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
    feed.take();
    expect(feed.values[0]).toBe(50_000 + 1 / 3);
    expect(taken).toBeGreaterThan(0);
});

test("a writer that stands in the middle is not waited for", () => {
    const words = new Int32Array(new SharedArrayBuffer(4 * Cell.words(2)));
    const writer = new Cell(2, words);
    const reader = new Cell(2, words);
    writer.values.set([1, -2.5]);
    writer.publish();
    expect(reader.take()).toBe(true);
    expect(reader.take()).toBe(false);
    Atomics.add(words, 0, 1);
    words[2] = 77;
    expect(reader.take()).toBe(false);
    expect([...reader.values]).toEqual([1, -2.5]);
    Atomics.sub(words, 0, 1);
    writer.publish();
    expect(reader.take()).toBe(true);
});

test("a ring gives what was written, whatever the sizes", () => {
    const random = makeRandom(4);
    const ring = new Ring([new Float32Array(1000), new Float32Array(1000)]);
    for (let i = 0; i < 500; i++) {
        const frames = Math.floor(random() * 900);
        const plane = Float32Array.from({ length: frames }, (_, k) => ring.end + k + 1);
        ring.write(ring.end, frames, [plane, plane.map((value) => -value)]);
        ring.end += frames;
        ring.first = Math.max(0, ring.end - 1000);
        const from = ring.first - 50 + Math.floor(random() * 1000);
        const count = Math.floor(random() * 300);
        const out = [new Float32Array(400).fill(0.5), new Float32Array(400).fill(0.5)];
        ring.read(from, count, out, 20);
        const expected = Float32Array.from({ length: 400 }, (_, k) => {
            const frame = from + k - 20;
            if (k < 20 || k >= 20 + count) return 0.5;
            return frame >= ring.first && frame < ring.end ? frame + 1 : 0;
        });
        expect(out[0]?.findIndex((value, k) => value !== expected[k])).toBe(-1);
        const negative = expected.map((value) => (value > 0.5 ? -value : value));
        expect(out[1]?.findIndex((value, k) => value !== negative[k])).toBe(-1);
    }
});
