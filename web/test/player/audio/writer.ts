// SPDX-License-Identifier: MIT OR Apache-2.0
// A thread that writes into shared memory as fast as it can: see memory.test.ts.
import { openMemory } from "../../../src/player/audio/memory.ts";

declare const shared: SharedArrayBuffer;

const { feed, ring } = openMemory(8000, 1, shared);
const block = new Float32Array(160);
for (let round = 1; round <= 50_000; round++) {
    ring.write(round * block.length, block.length, [block.fill(round)]);
    // All numbers tell the round, with a fraction that fills all their bits.
    feed.values.fill(round + 1 / 3);
    feed.publish();
}
