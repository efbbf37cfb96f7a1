// SPDX-License-Identifier: MIT OR Apache-2.0
// A track that is not media, as text: the relay carries anything. Groups of a clock begin with the minute, and a frame each second
// says the rest.
// Tested by tests/browser/test_demo.py.
import { type GroupReader, pathOfText, type Session } from "../transfork/index.ts";
import type { Context, View } from "./context.ts";
import { make } from "./dom.ts";
import { showPath } from "./places.ts";

const TEXT_MAX_BYTES = 200;
/** A track that has ended or is not there is asked for again after so long. */
const AGAIN_MS = 2000;

/** What is readable of a frame. */
function textOf(frame: Uint8Array): string {
    const text = new TextDecoder().decode(frame.subarray(0, TEXT_MAX_BYTES));
    return text.replaceAll(/\p{C}/gu, "\u00b7");
}

export function viewTrack(context: Context, path: string): View {
    const shown = make("p", { class: "clock", role: "timer" }, "\u2026");
    const note = make("p", { class: "soft" });
    const root = make(
        "article",
        { class: "panel" },
        make("div", { class: "head" }, make("h1", {}, showPath(path)), note),
        shown,
        make(
            "p",
            { class: "soft" },
            "The relay forwards any bytes in groups of frames. This page shows the first frame of the newest group, and its last one.",
        ),
    );
    let newest = -1;
    let close = () => {};

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

    function read(session: Session): () => void {
        newest = -1;
        note.textContent = "waiting for the first group";
        const subscription = session.subscribe(pathOfText(path), { priority: 0, order: "newest", expiresMs: 0 });
        let timer: ReturnType<typeof setTimeout> | undefined;
        let isClosed = false;
        const run = async () => {
            for await (const group of subscription.groups) void follow(group);
            const failure = await subscription.ended;
            if (isClosed) return;
            note.textContent = `${failure?.message ?? "it has ended"}; asked for again soon`;
            timer = setTimeout(() => {
                close = read(session);
            }, AGAIN_MS);
        };
        void run();
        return () => {
            isClosed = true;
            clearTimeout(timer);
            subscription.close();
        };
    }

    const stop = context.onSession((session) => {
        close();
        close = session ? read(session) : () => {};
        if (!session) note.textContent = "waiting for the connection";
    });
    return {
        root,
        close() {
            stop();
            close();
        },
    };
}
