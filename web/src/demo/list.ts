// SPDX-License-Identifier: MIT OR Apache-2.0
// The list of what is live: a card with a picture for each broadcast, a line for each other track. Cards stay while their broadcast
// does, so that pictures do not blink when something else begins.
// Tested by tests/browser/test_demo.py.
import { pathOfText } from "../transfork/index.ts";
import type { Context } from "./context.ts";
import { byId, make } from "./dom.ts";
import type { Live } from "./live.ts";
import { hashOfPlace, type Place, showPath } from "./places.ts";
import { Still } from "./still.ts";

interface Card {
    item: HTMLLIElement;
    link: HTMLAnchorElement;
    close(): void;
}

export class List {
    readonly #context: Context;
    readonly #cards = new Map<string, Card>();
    readonly #broadcasts = byId("broadcasts");
    readonly #tracks = byId("tracks");
    #place: Place | undefined;

    constructor(context: Context) {
        this.#context = context;
    }

    show(live: Live): void {
        const wanted = new Set(live.broadcasts.map(({ path }) => path));
        for (const [path, card] of this.#cards) {
            if (wanted.has(path)) continue;
            card.close();
            this.#cards.delete(path);
        }
        for (const path of wanted) if (!this.#cards.has(path)) this.#cards.set(path, this.#makeCard(path));
        const items = [...wanted].map((path) => this.#cards.get(path)?.item).filter((item) => item !== undefined);
        const isSame =
            items.length === this.#broadcasts.children.length &&
            items.every((item, i) => this.#broadcasts.children[i] === item);
        if (!isSame) this.#broadcasts.replaceChildren(...items);
        this.#showTracks(live.tracks);
        this.mark(this.#place);
    }

    /** Shows which one is on the stage. Further ones open in the same kind of place. */
    mark(place: Place | undefined): void {
        this.#place = place;
        const kind = place?.kind === "compare" ? "compare" : "watch";
        for (const [path, { link }] of this.#cards) {
            link.href = hashOfPlace({ kind, path });
            link.toggleAttribute("aria-current", place?.path === path);
        }
    }

    #makeCard(path: string): Card {
        const canvas = make("canvas", { width: 320, height: 180, "aria-hidden": "true" });
        const link = make(
            "a",
            { class: "card", href: hashOfPlace({ kind: "watch", path }) },
            canvas,
            make("span", {}, showPath(path)),
        );
        const still = new Still(canvas, pathOfText(path));
        const stop = this.#context.onSession((session) => still.use(session));
        return {
            item: make("li", {}, link),
            link,
            close() {
                stop();
                still.close();
            },
        };
    }

    #showTracks(paths: string[]): void {
        byId("tracks-title").hidden = paths.length === 0;
        this.#tracks.replaceChildren(
            ...paths.map((path) =>
                make("li", {}, make("a", { href: hashOfPlace({ kind: "track", path }) }, showPath(path))),
            ),
        );
    }
}
