// SPDX-License-Identifier: MIT OR Apache-2.0
// Starts the engine's worker. It is part of this file, so that a player comes from anywhere as one file. Pages whose policy forbids
// workers from blobs name a file of their own.
// Tested by tests/browser/player.mjs.
import InlineWorker from "./engine/worker.ts?worker&inline";

export function openWorker(url: string | undefined): Worker {
    return url === undefined
        ? new InlineWorker({ name: "moq-player" })
        : new Worker(url, { type: "module", name: "moq-player" });
}
