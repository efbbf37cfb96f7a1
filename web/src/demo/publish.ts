// SPDX-License-Identifier: MIT OR Apache-2.0
// Publishing: from this browser, or from a terminal with the addresses filled in.
// Tested by tests/browser/test_demo.py.
import { commandsFor } from "./commands.ts";
import type { Context, View } from "./context.ts";
import { copyable, make, message } from "./dom.ts";
import { hashOfPlace, urlOfPath } from "./places.ts";

/** Is the pattern of an input too, where browsers take no hyphen between the brackets (flag v). */
const PATH = /^(?:[\w.]|-)+(?:\/(?:[\w.]|-)+)*$/;

export function viewPublish(context: Context, path: string): View {
    const initial = path || `demo/${Math.random().toString(36).slice(2, 6)}`;
    const input = make("input", {
        type: "text",
        value: initial,
        spellcheck: "false",
        autocomplete: "off",
        pattern: PATH.source,
        maxlength: 200,
    });
    const publisher = make("moq-publish", { controls: true, src: urlOfPath(context.relay.players, initial) });
    const watch = make("a", { href: "#" }, "Watch it");
    const commands = make("div", { class: "panel" });

    function fill(): void {
        const name = PATH.test(input.value) ? input.value : initial;
        publisher.setAttribute("src", urlOfPath(context.relay.players, name));
        watch.href = hashOfPlace({ kind: "watch", path: name });
        commands.replaceChildren(
            make("h2", {}, "From a terminal"),
            make("p", { class: "soft" }, "Before it is installed, moq-karp is build/bin/moq-karp."),
            ...commandsFor(urlOfPath(context.relay.programs, name)).map(({ title, text }) => copyable(title, text)),
        );
    }
    input.addEventListener("change", fill);
    fill();
    // Most who come only watch. The element fills itself with life when it is there.
    import("../publish/index.ts").catch(() => {
        publisher.replaceWith(message("bad", "This part of the page could not be loaded. Reload the page"));
    });

    const root = make(
        "div",
        { class: "stage" },
        make(
            "div",
            { class: "panel" },
            make("h1", {}, "Publish"),
            make("div", { class: "controls" }, make("label", {}, "Name of the broadcast", input), watch),
            publisher,
            make(
                "p",
                { class: "soft" },
                "Whoever opens this page sees it in the list a moment later. A second publisher of the same name takes over.",
            ),
        ),
        commands,
    );
    return { root, close: () => publisher.remove() };
}
