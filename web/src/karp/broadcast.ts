// SPDX-License-Identifier: MIT OR Apache-2.0
// A broadcast as a viewer follows it: the newest instance that is announced, and each catalog of it.
import { type Announced, type Path, pathToText, type Session, type Subscription } from "../transfork/index.ts";
import { CatalogError, parseCatalog } from "./catalog.ts";
import { Instances } from "./instances.ts";
import { CATALOG_PRIORITY } from "./priority.ts";
import type { BroadcastEvent } from "./types.ts";

/** Version 02 does not say when all announcements have been told, so silence has to do. */
const SILENCE_MS = 500;
/** After the catalog's track has ended or failed while its instance is still announced. */
const AGAIN_MS = 1000;

export class Broadcast {
    readonly #path: Path;
    readonly #onEvent: (event: BroadcastEvent) => void;
    readonly #instances = new Instances();
    #session: Session | undefined;
    #announced: Announced | undefined;
    #catalogs: Subscription | undefined;
    #instance: string | undefined;
    #told = ""; // the last event, so that an equal one is not told again
    #timer: ReturnType<typeof setTimeout> | undefined;

    constructor(path: Path, onEvent: (event: BroadcastEvent) => void) {
        this.#path = path;
        this.#onEvent = onEvent;
    }

    /** Follows it on this session; undefined: the connection is lost. What was told before still counts until there is news. */
    use(session: Session | undefined): void {
        if (session === this.#session) return;
        this.#stop();
        this.#session = session;
        if (session) void this.#followAnnouncements(session);
    }

    close(): void {
        this.use(undefined);
    }

    #stop(): void {
        clearTimeout(this.#timer);
        this.#announced?.close();
        this.#announced = undefined;
        this.#catalogs?.close();
        this.#catalogs = undefined;
        this.#instances.clear();
        this.#instance = undefined;
    }

    async #followAnnouncements(session: Session): Promise<void> {
        const announced = session.announced(this.#path);
        this.#announced = announced;
        this.#timer = setTimeout(() => this.#tellOffline(), SILENCE_MS);
        for await (const announcement of announced) {
            if (this.#announced !== announced) return;
            if (announcement.kind === "live") {
                this.#tellOffline();
                continue;
            }
            const [id, more] = announcement.path.slice(this.#path.length);
            if (id === undefined || more !== undefined) continue;
            if (announcement.kind === "active") this.#instances.add(id);
            else this.#instances.remove(id);
            if (this.#instances.areUnknown) return this.#askAnew(session);
            this.#choose(session);
        }
        // The peer has ended the stream, so nothing is announced any more.
        if (this.#announced !== announced) return;
        this.#instances.clear();
        this.#choose(session);
    }

    /** What was told before counts until the peer has said what is announced now. */
    #askAnew(session: Session): void {
        this.#stop();
        void this.#followAnnouncements(session);
    }

    #tellOffline(): void {
        clearTimeout(this.#timer);
        if (this.#instance !== undefined || this.#told === "offline") return;
        this.#told = "offline";
        this.#onEvent({ kind: "offline" });
    }

    #choose(session: Session): void {
        const newest = this.#instances.newest;
        if (newest === this.#instance) return;
        this.#instance = newest;
        this.#catalogs?.close();
        this.#catalogs = undefined;
        clearTimeout(this.#timer);
        if (newest === undefined) this.#tellOffline();
        else void this.#followCatalogs(session, newest);
    }

    async #followCatalogs(session: Session, instance: string): Promise<void> {
        const path = [...this.#path, instance];
        const catalogs = session.subscribe(path, { priority: CATALOG_PRIORITY, order: "newest", expiresMs: 0 });
        this.#catalogs = catalogs;
        let newest = -1;
        for await (const group of catalogs.groups) {
            if (this.#catalogs !== catalogs) return;
            if (group.sequence <= newest) {
                group.cancel();
                continue;
            }
            newest = group.sequence;
            const frame = await group.readFrame().catch(() => undefined);
            group.cancel();
            if (frame && this.#catalogs === catalogs) this.#tell(path, instance, frame);
        }
        if (this.#catalogs !== catalogs) return;
        this.#timer = setTimeout(() => void this.#followCatalogs(session, instance), AGAIN_MS);
    }

    #tell(path: Path, instance: string, frame: Uint8Array): void {
        const known = `${pathToText(path)}\n${new TextDecoder().decode(frame)}`;
        if (known === this.#told) return;
        this.#told = known;
        try {
            this.#onEvent({ kind: "catalog", instance, path, catalog: parseCatalog(frame) });
        } catch (error) {
            if (!(error instanceof CatalogError)) throw error;
            this.#onEvent({ kind: "broken", instance, message: error.message });
        }
    }
}
