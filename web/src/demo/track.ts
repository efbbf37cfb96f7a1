// SPDX-License-Identifier: MIT OR Apache-2.0
// A track that is not media, as text: the relay carries anything. Groups of a clock begin with the minute, and a frame each second
// says the rest.
// Tested by tests/browser/test_demo.py.
import type { GroupReader, Session } from "../transfork/index.ts";
import type { Context, View } from "./context.ts";
import { make } from "./dom.ts";

const TEXT_MAX_BYTES = 200;

/** What is readable of a frame. */
function textOf(frame: Uint8Array): string {
    const text = new TextDecoder().decode(frame.subarray(0, TEXT_MAX_BYTES));
    return text.replaceAll(/\p{Cc}/gu, "\u00b7");
}

export function viewTrack(context: Context, path: string): View {
    const shown = make("p", { class: "clock", role: "timer" }, "\u2026");
    const note = make("p", { class: "soft" }, "waiting for the first group");
    const root = make(
        "article",
        { class: "panel" },
        make("div", { class: "head" }, make("h1", {}, path), note),
        shown,
        make(
            "p",
            { class: "soft" },
            "The relay forwards any bytes in groups of frames. This page shows the first frame of the newest group, and its last one.",
        ),
    );
    let newest = -1;

    async function follow(group: GroupReader): Promise<void> {
        if (group.sequence < newest) return group.cancel();
        newest = group.sequence;
        let head: string | undefined;
        for (;;) {
            const frame = await group.readFrame().catch(() => undefined);
            if (!frame || group.sequence < newest) return group.cancel();
            head ??= textOf(frame);
            const last = textOf(frame);
            shown.textContent = last === head ? head : head + last;
            note.textContent = `group ${group.sequence}`;
        }
    }

    async function read(session: Session): Promise<void> {
        newest = -1;
        const subscription = session.subscribe(path.split("/"), { priority: 0, order: "newest", expiresMs: 0 });
        closeSubscription = () => subscription.close();
        for await (const group of subscription.groups) void follow(group);
        const failure = await subscription.ended;
        if (failure) note.textContent = failure.message;
    }

    let closeSubscription = () => {};
    const stop = context.onSession((session) => {
        closeSubscription();
        if (session) void read(session);
        else note.textContent = "the connection is lost; it comes back by itself";
    });
    return {
        root,
        close() {
            stop();
            closeSubscription();
        },
    };
}
