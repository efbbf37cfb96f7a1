// SPDX-License-Identifier: MIT OR Apache-2.0
// Starts the publisher's worker. It is part of this file, so that a publisher comes from anywhere as one file. Pages whose policy
// forbids workers from blobs name a file of their own.
// Tested by tests/browser/publish.mjs.
import InlineWorker from "./engine/worker.ts?worker&inline";

export function openWorker(url: string | undefined): Worker {
    return url === undefined
        ? new InlineWorker({ name: "moq-publish" })
        : new Worker(url, { type: "module", name: "moq-publish" });
}
