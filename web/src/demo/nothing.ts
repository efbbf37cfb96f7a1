// SPDX-License-Identifier: MIT OR Apache-2.0
// The stage while there is nothing to show: what is the case, and what to do.
// Tested by tests/browser/test_demo.py.
import { commandsFor } from "./commands.ts";
import type { Context, View } from "./context.ts";
import { copyable, make, message } from "./dom.ts";
import { hashOfPlace, urlOfPath } from "./places.ts";

export function viewNothing(context: Context, what: { isConnected: boolean; isTold: boolean }): View {
    const root = what.isConnected
        ? what.isTold
            ? emptyRelay(context)
            : make("p", { class: "soft" }, "Asking what is live\u2026")
        : unreachable(context);
    return { root, close() {} };
}

function emptyRelay(context: Context): HTMLElement {
    const url = urlOfPath(context.relay.programs, "demo/mine");
    return message(
        "plain",
        "Nothing is live yet",
        make(
            "p",
            {},
            "Publish something, and it appears here by itself: ",
            make("a", { href: hashOfPlace({ kind: "publish", path: "" }) }, "from this browser"),
            ", or from a terminal:",
        ),
        ...commandsFor(url)
            .slice(0, 2)
            .map(({ title, text }) => copyable(title, text)),
    );
}

function unreachable(context: Context): HTMLElement {
    return message(
        "plain",
        "No connection to the relay",
        make(
            "p",
            {},
            `This page asks ${context.relay.players.host} (UDP). Is the relay running, and does the network let UDP through? It is tried again by itself.`,
        ),
        make("p", { class: "soft" }, "Start one on this machine with ./dev/all, or with moq-relay relay.yaml."),
    );
}
