// SPDX-License-Identifier: MIT OR Apache-2.0
// The same broadcast twice, with two latencies: each viewer has its own.
// Tested by tests/browser/test_demo.py.
import type { Context, View } from "./context.ts";
import { make } from "./dom.ts";
import { showPath, urlOfPath } from "./places.ts";
import { makeScreen } from "./screen.ts";

export function viewCompare(context: Context, path: string): View {
    const url = urlOfPath(context.relay.players, path);
    const fast = makeScreen({ url, title: "As soon as possible", latencyMs: 150, hasControls: true });
    const safe = makeScreen({ url, title: "As smooth as possible", latencyMs: 2500, hasControls: true });
    const text = `Two viewers of ${showPath(path)}. Each asks for a latency of its own, and the relay decides for each what to send and what to skip.`;
    return {
        root: make(
            "div",
            { class: "stage" },
            make("p", { class: "soft" }, text),
            make("div", { class: "pair" }, fast.root, safe.root),
        ),
        close() {
            fast.close();
            safe.close();
        },
    };
}
