// SPDX-License-Identifier: MIT OR Apache-2.0
// The demo page: one session follows what is announced, and a view for the place that the address names.
// Tested by tests/browser/test_demo.py.
import "../element/index.ts";
import { Connection, type Session } from "../transfork/index.ts";
import { viewCompare } from "./compare.ts";
import type { Context, View } from "./context.ts";
import { byId, make, message } from "./dom.ts";
import { List } from "./list.ts";
import { type Live, LiveList } from "./live.ts";
import { viewNothing } from "./nothing.ts";
import { hashOfPlace, type Place, placeOfHash, showPath } from "./places.ts";
import { viewPublish } from "./publish.ts";
import { findRelay, type RelayAddresses } from "./relay.ts";
import { viewTrack } from "./track.ts";
import { viewWatch } from "./watch.ts";

/** The list is made anew at most so often, however much is announced. */
const LIST_MS = 100;

class Page implements Context {
    readonly relay: RelayAddresses;
    readonly #listeners = new Set<(session: Session | undefined) => void>();
    readonly #list: List;
    #session: Session | undefined;
    #view: View | undefined;
    #shown = "";
    #live: Live = { broadcasts: [], tracks: [] };
    #isTold = false;
    /** What is shown where the address names no place. */
    #first: string | undefined;

    constructor(relay: RelayAddresses) {
        this.relay = relay;
        this.#list = new List(this);
        addEventListener("hashchange", () => this.#go());
    }

    onSession(callback: (session: Session | undefined) => void): () => void {
        this.#listeners.add(callback);
        callback(this.#session);
        return () => this.#listeners.delete(callback);
    }

    use(session: Session | undefined): void {
        this.#session = session;
        for (const listener of [...this.#listeners]) listener(session);
        if (session) void this.#follow(session);
        this.#go();
    }

    /** The list of a session that is lost stays until the next one has told its own. */
    async #follow(session: Session): Promise<void> {
        const fresh = new LiveList();
        let timer: ReturnType<typeof setTimeout> | undefined;
        const tell = () => {
            clearTimeout(timer);
            timer = undefined;
            if (this.#session !== session) return;
            this.#isTold = true;
            this.#live = fresh.list();
            this.#list.show(this.#live);
            this.#go();
        };
        for await (const announcement of session.announced([])) {
            const hasChanged = fresh.add(announcement);
            if (announcement.kind === "live") tell();
            else if (hasChanged) timer ??= setTimeout(tell, LIST_MS);
        }
    }

    /** Where there is no place in the address, the first broadcast is watched for as long as it is there, whatever comes before it. */
    #place(): Place | undefined {
        const { broadcasts } = this.#live;
        if (!broadcasts.some(({ path }) => path === this.#first)) this.#first = broadcasts[0]?.path;
        const path = this.#first;
        return placeOfHash(location.hash) ?? (path === undefined ? undefined : { kind: "watch", path });
    }

    #go(): void {
        const place = this.#place();
        this.#markLinks(place);
        const shown = place ? hashOfPlace(place) : `nothing ${this.#isTold} ${this.#session !== undefined}`;
        if (shown === this.#shown) return;
        this.#shown = shown;
        this.#view?.close();
        this.#view = this.#open(place);
        byId("stage").replaceChildren(this.#view.root);
        document.title = place?.path ? `${showPath(place.path)} \u2013 moq-relay` : "moq-relay";
    }

    #open(place: Place | undefined): View {
        if (!place) return viewNothing(this, { isConnected: this.#session !== undefined, isTold: this.#isTold });
        switch (place.kind) {
            case "watch":
                return viewWatch(this, place.path);
            case "compare":
                return viewCompare(this, place.path);
            case "track":
                return viewTrack(this, place.path);
            case "publish":
                return viewPublish(this, place.path);
        }
    }

    #markLinks(place: Place | undefined): void {
        this.#list.mark(place);
        for (const link of document.querySelectorAll<HTMLAnchorElement>("nav a[data-place]")) {
            const kind = link.dataset.place;
            link.toggleAttribute("aria-current", kind === place?.kind);
            const path = place?.kind === "watch" || place?.kind === "compare" ? place.path : this.#first;
            if (kind === "watch" || kind === "compare") link.href = path ? hashOfPlace({ kind, path }) : "#";
        }
    }
}

const STATES = {
    connecting: (host: string) => `connecting to ${host}`,
    open: (host: string) => `connected to ${host}`,
    waiting: (host: string, why: string) => `no connection to ${host}: ${why}`,
    refused: (host: string, why: string) => `${host} refuses: ${why}`,
};

async function begin(): Promise<void> {
    const status = byId("connection");
    const relay = await findRelay(new URL(location.href));
    if (!relay) {
        status.dataset.state = "refused";
        status.textContent = "no relay";
        const hint =
            "After ?relay= comes an address such as https://relay.example:4443. Without it, the server of this page is asked.";
        byId("stage").replaceChildren(message("bad", "The address of this page names no relay", make("p", {}, hint)));
        return;
    }
    const page = new Page(relay);
    const connection = new Connection(relay.players, {}, (state) => {
        status.dataset.state = state.kind;
        status.textContent = STATES[state.kind](
            relay.players.host,
            state.kind === "waiting" || state.kind === "refused" ? state.error.message : "",
        );
        page.use(state.kind === "open" ? state.session : undefined);
    });
    document.addEventListener("visibilitychange", () => connection.hurry());
}

void begin();
