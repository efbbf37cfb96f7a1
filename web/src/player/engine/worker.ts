// SPDX-License-Identifier: MIT OR Apache-2.0
// What runs in the worker: the engine, and the messages between it and the page.
// Tested by tests/browser/player.mjs.
import { sharedTrust } from "../../transfork/index.ts";
import type { FromWorker, ToWorker } from "../messages.ts";
import { Engine } from "./engine.ts";

const engine = new Engine(
    (message: FromWorker) => postMessage(message),
    () => performance.now(),
);

sharedTrust.onNews = (news) => postMessage(news);

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === "trust") sharedTrust.hear(data);
    else engine.take(data);
});
