// SPDX-License-Identifier: MIT OR Apache-2.0
// A broadcast as a viewer follows it: the newest instance that is announced, and each catalog of it.
import {
    type Announced,
    type GroupReader,
    type Path,
    pathToText,
    type Session,
    type Subscription,
} from "../transfork/index.ts";
import { CATALOG_MAX_BYTES, CatalogError, parseCatalog } from "./catalog.ts";
import { Instances } from "./instances.ts";
import { CATALOG_PRIORITY } from "./priority.ts";
import type { BroadcastEvent } from "./types.ts";

/** Version 02 does not say when all announcements have been told, so silence has to do. */
const SILENCE_MS = 500;
/** What ended or failed while it should not have is asked for again after so long. */
const AGAIN_MS = 1000;
/** An instance without a catalog after so long is told as that, and the catalog is asked for again each time. */
const PATIENCE_MS = 5000;

export class Broadcast {
    readonly #path: Path;
    readonly #onEvent: (event: BroadcastEvent) => void;
    readonly #instances = new Instances();
    #session: Session | undefined;
    #announced: Announced | undefined;
    #catalogs: Subscription | undefined;
    #instance: string | undefined;
    #told = ""; // the last event, so that an equal one is not told again
    /** Of announcements: the silence after which there are none, or the pause until they are asked for again. */
    #asking: ReturnType<typeof setTimeout> | undefined;
    /** Of the present instance: the pause until its catalog is asked for again, and the wait for the first one. */
    #again: ReturnType<typeof setTimeout> | undefined;
    #patience: ReturnType<typeof setInterval> | undefined;

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
        clearTimeout(this.#asking);
        this.#announced?.close();
        this.#announced = undefined;
        this.#leaveInstance();
        this.#instances.clear();
    }

    #leaveInstance(): void {
        clearTimeout(this.#again);
        clearInterval(this.#patience);
        this.#catalogs?.close();
        this.#catalogs = undefined;
        this.#instance = undefined;
    }

    async #followAnnouncements(session: Session): Promise<void> {
        const announced = session.announced(this.#path);
        this.#announced = announced;
        this.#asking = setTimeout(() => this.#tellOffline(), SILENCE_MS);
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
        // The peer has ended the stream. If the session is lost, that is told soon; else the peer may know more the next time.
        if (this.#announced !== announced) return;
        clearTimeout(this.#asking);
        this.#asking = setTimeout(() => {
            this.#tellOffline();
            this.#askAnew(session);
        }, AGAIN_MS);
    }

    /** What was told before counts until the peer has said what is announced now. */
    #askAnew(session: Session): void {
        this.#stop();
        void this.#followAnnouncements(session);
    }

    #tellOffline(): void {
        if (this.#instance === undefined) this.#tellOnce("offline", () => ({ kind: "offline" }));
    }

    #choose(session: Session): void {
        const newest = this.#instances.newest;
        if (newest === this.#instance) return;
        this.#leaveInstance();
        this.#instance = newest;
        if (newest === undefined) {
            this.#tellOffline();
            return;
        }
        void this.#followCatalogs(session, newest);
        this.#patience = setInterval(() => {
            this.#tellOnce(`silent ${newest}`, () => ({ kind: "silent", instance: newest }));
            void this.#followCatalogs(session, newest);
        }, PATIENCE_MS);
    }

    async #followCatalogs(session: Session, instance: string): Promise<void> {
        clearTimeout(this.#again);
        this.#catalogs?.close();
        const path = [...this.#path, instance];
        const catalogs = session.subscribe(path, { priority: CATALOG_PRIORITY, order: "newest", expiresMs: 0 });
        this.#catalogs = catalogs;
        let newest: GroupReader | undefined;
        const again = () => {
            if (this.#catalogs !== catalogs) return;
            clearTimeout(this.#again);
            this.#again = setTimeout(() => void this.#followCatalogs(session, instance), AGAIN_MS);
        };
        const read = async (group: GroupReader) => {
            const frame = await group.readFrame().catch(() => undefined);
            group.cancel();
            if (this.#catalogs !== catalogs || group !== newest) return;
            if (frame) this.#tell(path, instance, frame);
            else again(); // no other group may come
        };
        catalogs.onGap = ({ last }) => {
            if (last > (newest?.sequence ?? -1)) again();
        };
        for await (const group of catalogs.groups) {
            if (this.#catalogs !== catalogs) return;
            if (newest && group.sequence <= newest.sequence) {
                group.cancel();
                continue;
            }
            newest?.cancel();
            newest = group;
            void read(group);
        }
        again();
    }

    #tell(path: Path, instance: string, frame: Uint8Array): void {
        clearTimeout(this.#again);
        clearInterval(this.#patience);
        // What is too large is refused as it is, and not kept.
        const text = frame.length > CATALOG_MAX_BYTES ? `${frame.length}` : new TextDecoder().decode(frame);
        this.#tellOnce(`${pathToText(path)}\n${text}`, () => {
            try {
                return { kind: "catalog", instance, path, catalog: parseCatalog(frame) };
            } catch (error) {
                if (!(error instanceof CatalogError)) throw error;
                return { kind: "broken", instance, message: error.message };
            }
        });
    }

    #tellOnce(what: string, make: () => BroadcastEvent): void {
        if (what === this.#told) return;
        this.#told = what;
        this.#onEvent(make());
    }
}
