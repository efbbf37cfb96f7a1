// SPDX-License-Identifier: MIT OR Apache-2.0
// What is live on a relay, made of its announcements: broadcasts, and tracks that belong to none.
import { type Announcement, pathToText } from "../transfork/index.ts";

export interface LiveBroadcast {
    path: string;
    /** The newest instance. */
    instance: string;
}

export interface Live {
    broadcasts: LiveBroadcast[];
    /** Paths of tracks that are no part of a broadcast, such as a clock. */
    tracks: string[];
}

/** More than this are not shown; whoever has more uses the relay's API. */
export const LIVE_MAX = 500;
/** Announcements that are kept, whatever they are. */
const PATHS_MAX = 20000;

const INSTANCE = /^\d{1,19}$/;

function isNewer(a: string, b: string): boolean {
    return BigInt(a) > BigInt(b);
}

export class LiveList {
    readonly #paths = new Map<string, readonly string[]>();

    /** Returns whether the list may have changed. */
    add(announcement: Announcement): boolean {
        if (announcement.kind === "live") return false;
        const text = pathToText(announcement.path);
        if (announcement.kind === "ended") return this.#paths.delete(text);
        if (this.#paths.size >= PATHS_MAX || this.#paths.has(text)) return false;
        this.#paths.set(text, announcement.path);
        return true;
    }

    clear(): void {
        this.#paths.clear();
    }

    /** In the order of their names. */
    list(): Live {
        const newest = new Map<string, string>();
        for (const path of this.#paths.values()) {
            const instance = path.at(-1);
            if (instance === undefined || path.length < 2 || !INSTANCE.test(instance)) continue;
            const name = pathToText(path.slice(0, -1));
            const known = newest.get(name);
            if (known === undefined || isNewer(instance, known)) newest.set(name, instance);
        }
        return { broadcasts: this.#broadcasts(newest), tracks: this.#otherTracks() };
    }

    #broadcasts(newest: Map<string, string>): LiveBroadcast[] {
        const names = [...newest.keys()].sort().slice(0, LIVE_MAX);
        return names.map((path) => ({ path, instance: newest.get(path) ?? "" }));
    }

    /** Tracks of a broadcast are one part below an instance that is announced itself. */
    #otherTracks(): string[] {
        const others = [...this.#paths.values()].filter((path) => {
            const isInstance = path.length > 1 && INSTANCE.test(path.at(-1) ?? "");
            return !isInstance && !this.#paths.has(pathToText(path.slice(0, -1)));
        });
        return others
            .map((path) => pathToText(path))
            .sort()
            .slice(0, LIVE_MAX);
    }
}
