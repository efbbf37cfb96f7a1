// SPDX-License-Identifier: MIT OR Apache-2.0
// One broadcast, and how to put it on a page of one's own.
// Tested by tests/browser/test_demo.py.
import { commandsFor } from "./commands.ts";
import type { Context, View } from "./context.ts";
import { copyable, make } from "./dom.ts";
import { showPath, urlOfPath } from "./places.ts";
import { makeScreen } from "./screen.ts";

export function viewWatch(context: Context, path: string): View {
    const url = urlOfPath(context.relay.players, path);
    const screen = makeScreen({ url, title: showPath(path), latencyMs: 500, hasControls: true });
    const script = new URL("/moq-video.js", location.href).href;
    const page = `<script type="module" src="${script}"></script>\n<moq-video src="${url}" controls muted latency="500"></moq-video>`;
    const more = make(
        "details",
        { class: "panel" },
        make("summary", {}, "On a page of your own, or in a terminal"),
        copyable("On a page of your own", page),
        ...commandsFor(urlOfPath(context.relay.programs, path))
            .slice(2)
            .map(({ title, text }) => copyable(title, text)),
    );
    return { root: make("div", { class: "stage" }, screen.root, more), close: screen.close };
}
