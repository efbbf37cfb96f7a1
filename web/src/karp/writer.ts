// SPDX-License-Identifier: MIT OR Apache-2.0
// A broadcast as it is published: an instance, its catalog, and groups that begin where a viewer can join. It makes tracks; whoever
// has a session publishes them, so nothing here depends on being connected.
import type { GroupWriter, Path, Track } from "../transfork/index.ts";
import { createTrack } from "../transfork/index.ts";
import { printCatalog } from "./catalog.ts";
import { writeMediaFrame } from "./frame.ts";
import { CATALOG_PRIORITY } from "./priority.ts";
import type { AudioTrack, Catalog, VideoTrack } from "./types.ts";

/** Without a video keyframe, a group of sound lasts so long. */
const SOUND_GROUP_US = 10_000_000;
/** Keyframes of several renditions within this time are one moment for sound. */
const SAME_KEYFRAME_US = 5_000;

interface Media {
    description: VideoTrack | AudioTrack;
    track: Track;
    group: GroupWriter | undefined;
    groupBeganUs: number;
}

export class BroadcastWriter {
    /** Of the instance: the path of the broadcast and its id. */
    readonly path: Path;
    /** Called with each new track, which is to be published. */
    readonly #onTrack: (track: Track) => void;
    readonly #catalogTrack: Track;
    readonly #media = new Map<string, Media>();
    #keyframeUs: number | undefined; // of the last video keyframe
    #told = ""; // the last catalog, so that an equal one is not told again
    #isClosed = false;

    /** `instance` is from nextInstance(). */
    constructor(broadcast: Path, instance: number, onTrack: (track: Track) => void) {
        this.path = [...broadcast, String(instance)];
        this.#onTrack = onTrack;
        this.#catalogTrack = createTrack(this.path, { priority: CATALOG_PRIORITY });
        onTrack(this.#catalogTrack);
    }

    /** All tracks that are offered now, for a new session. */
    get tracks(): Track[] {
        return [this.#catalogTrack, ...[...this.#media.values()].map(({ track }) => track)];
    }

    get catalog(): Catalog {
        const all = [...this.#media.values()].map(({ description }) => description);
        return {
            video: all.filter((track) => track.kind === "video"),
            audio: all.filter((track) => track.kind === "audio"),
        };
    }

    /** These are the tracks from now on, in this order, told in one new catalog. Others end; a name means one track for ever. */
    offer(descriptions: readonly (VideoTrack | AudioTrack)[]): void {
        const before = new Map(this.#media);
        this.#media.clear();
        for (const description of descriptions) {
            const known = before.get(description.name);
            before.delete(description.name);
            this.#media.set(description.name, known ? Object.assign(known, { description }) : this.#begin(description));
        }
        this.#tellCatalog();
        for (const { track } of before.values()) track.close();
    }

    /** A frame in decode order. Video before the first keyframe is left out, because nobody could decode it. */
    write(name: string, timeUs: number, isKey: boolean, data: Uint8Array): void {
        const media = this.#media.get(name);
        if (!media || this.#isClosed) return;
        if (this.#beginsGroup(media, timeUs, isKey)) {
            media.group = media.track.openGroup();
            media.groupBeganUs = timeUs;
        }
        media.group?.writeFrame(writeMediaFrame(timeUs, data));
    }

    viewersOf(name: string): number {
        return this.#media.get(name)?.track.viewers ?? 0;
    }

    /** Gives up what is still to be sent of the pictures. The next keyframes begin new groups. */
    cutPictures(): void {
        for (const media of this.#media.values()) {
            if (media.description.kind !== "video") continue;
            media.track.giveUp();
            media.group = undefined;
        }
    }

    /** Of all media. */
    get unsentBytes(): number {
        return [...this.#media.values()].reduce((sum, { track }) => sum + track.unsentBytes, 0);
    }

    close(): void {
        this.#isClosed = true;
        for (const { track } of this.#media.values()) track.close();
        this.#catalogTrack.close();
    }

    #begin(description: VideoTrack | AudioTrack): Media {
        const track = createTrack([...this.path, description.name], { priority: description.priority });
        this.#onTrack(track);
        return { description, track, group: undefined, groupBeganUs: 0 };
    }

    #tellCatalog(): void {
        const bytes = printCatalog(this.catalog);
        const text = new TextDecoder().decode(bytes);
        if (text === this.#told) return;
        this.#told = text;
        const group = this.#catalogTrack.openGroup();
        group.writeFrame(bytes);
        group.close();
    }

    /** Groups of sound begin with those of the picture, so that who joins gets both from the same moment. */
    #beginsGroup(media: Media, timeUs: number, isKey: boolean): boolean {
        if (media.description.kind === "video") {
            if (!isKey) return false;
            const isSame = this.#keyframeUs !== undefined && Math.abs(timeUs - this.#keyframeUs) < SAME_KEYFRAME_US;
            if (!isSame) this.#keyframeUs = timeUs;
            return true;
        }
        if (!media.group || timeUs - media.groupBeganUs >= SOUND_GROUP_US) return true;
        return this.#keyframeUs !== undefined && timeUs >= this.#keyframeUs && media.groupBeganUs < this.#keyframeUs;
    }
}
