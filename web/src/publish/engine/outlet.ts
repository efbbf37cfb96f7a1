// SPDX-License-Identifier: MIT OR Apache-2.0
// From encoded frames to an instance on a session. A catalog is told once all its tracks are known, so that viewers need not begin
// twice. While there is no session nothing is kept; each new one begins a new instance.
import { type AudioTrack, BroadcastWriter, nextInstance, type VideoTrack } from "../../karp/index.ts";
import type { Path, Session } from "../../transfork/index.ts";

/** Frames wait so long for the catalog; then it is told without the tracks that have sent nothing. Some encoders take seconds
 *  to begin on a busy machine. */
const HOLD_MS = 4000;
const HELD_MAX = 512;

export interface OutletParts {
    /** Monotonic, and the time of day. */
    nowMs(): number;
    wallMs(): number;
    onInstance(instance: string | undefined): void;
    /** Whoever joins the new instance needs one. */
    askForKeyframes(): void;
}

type Description = VideoTrack | AudioTrack;
type Kind = Description["kind"];

interface Frame {
    name: string;
    timeUs: number;
    isKey: boolean;
    data: Uint8Array;
}

export class Outlet {
    readonly #path: Path;
    readonly #parts: OutletParts;
    readonly #plans: Record<Kind, readonly string[]> = { video: [], audio: [] };
    readonly #described = new Map<string, Description>();
    /** Planned, and still to be described. */
    readonly #pending = new Set<string>();
    readonly #held: Frame[] = [];
    #heldMs: number | undefined;
    #session: Session | undefined;
    #writer: BroadcastWriter | undefined;
    #lastInstance = 0;
    /** Of what somebody watches. */
    #writtenBytes = 0;

    constructor(path: Path, parts: OutletParts) {
        this.#path = path;
        this.#parts = parts;
    }

    get isWatched(): boolean {
        return [...this.#described.keys()].some((name) => (this.#writer?.viewersOf(name) ?? 0) > 0);
    }

    /** What was written for viewers so far, and what of it the network has not taken yet. */
    get backlog(): { writtenBytes: number; unsentBytes: number } {
        return { writtenBytes: this.#writtenBytes, unsentBytes: this.#writer?.unsentBytes ?? 0 };
    }

    /** What waits is too old to be of use. */
    cut(): void {
        this.#writer?.cutPictures();
        this.#parts.askForKeyframes();
    }

    useSession(session: Session | undefined): void {
        this.#session = session;
        this.#end();
        this.#offer();
    }

    /** The tracks of this kind from now on; each is described, anew also if it was before. */
    plan(kind: Kind, names: readonly string[]): void {
        for (const name of this.#plans[kind]) this.#pending.delete(name);
        this.#plans[kind] = names;
        for (const name of names) this.#pending.add(name);
        this.#settle();
    }

    /** Best after the first frame of the track, which is held until then. */
    describe(description: Description): void {
        // It was held up for so long that this frame is lost.
        if (!this.#pending.has(description.name) && this.#writer) this.#parts.askForKeyframes();
        this.#described.set(description.name, description);
        this.#pending.delete(description.name);
        this.#settle();
    }

    write(frame: Frame): void {
        if (!this.#session) return;
        if (this.#pending.size === 0) {
            this.#writeNow(frame);
            return;
        }
        const nowMs = this.#parts.nowMs();
        this.#heldMs ??= nowMs;
        if (this.#held.length < HELD_MAX) this.#held.push(frame);
        if (nowMs - this.#heldMs < HOLD_MS) return;
        this.#pending.clear();
        this.#settle();
    }

    close(): void {
        this.#session = undefined;
        this.#end();
    }

    #settle(): void {
        if (this.#pending.size > 0) return;
        const isNew = !this.#writer;
        this.#offer();
        this.#heldMs = undefined;
        // Sound from before the first picture would only make it wait.
        const fromUs = (isNew && this.#heldKeyframe()?.timeUs) || 0;
        for (const frame of this.#held.splice(0)) if (frame.timeUs >= fromUs) this.#writeNow(frame);
    }

    #heldKeyframe(): Frame | undefined {
        return this.#held.find(({ isKey, name }) => isKey && this.#plans.video.includes(name));
    }

    #offer(): void {
        const names = [...this.#plans.video, ...this.#plans.audio];
        for (const name of this.#described.keys()) if (!names.includes(name)) this.#described.delete(name);
        const tracks = names.map((name) => this.#described.get(name)).filter((track) => track !== undefined);
        if (!this.#session || tracks.length === 0) this.#end();
        else if (this.#pending.size === 0) (this.#writer ?? this.#begin(this.#session)).offer(tracks);
    }

    #begin(session: Session): BroadcastWriter {
        this.#lastInstance = nextInstance(this.#parts.wallMs(), this.#lastInstance);
        const writer = new BroadcastWriter(this.#path, this.#lastInstance, (track) => session.publish(track));
        this.#writer = writer;
        this.#parts.onInstance(String(this.#lastInstance));
        if (!this.#heldKeyframe()) this.#parts.askForKeyframes();
        return writer;
    }

    #end(): void {
        this.#held.length = 0;
        this.#heldMs = undefined;
        if (!this.#writer) return;
        this.#writer.close();
        this.#writer = undefined;
        this.#parts.onInstance(undefined);
    }

    #writeNow({ name, timeUs, isKey, data }: Frame): void {
        if (this.#writer?.viewersOf(name)) this.#writtenBytes += data.length;
        try {
            this.#writer?.write(name, timeUs, isKey, data);
        } catch {
            this.#parts.askForKeyframes(); // the group is as large as groups can be
        }
    }
}
