// SPDX-License-Identifier: MIT OR Apache-2.0
// Which rendition to play: the one that the viewer names, else the track that leaves it to the relay, else one by our own estimate.
import type { Ladder, VideoTrack } from "../../karp/index.ts";
import type { ChosenBy } from "../state.ts";

export interface Choice {
    track: VideoTrack;
    chosenBy: ChosenBy;
}

/** Renditions that the player may choose among, highest bitrate first: of one picture, whether or not one decoder could follow them. */
export function candidatesOf(usable: readonly VideoTrack[], ladders: readonly Ladder[]): VideoTrack[] {
    const plain = usable.filter((track) => !ladders.some(({ automatic }) => automatic?.name === track.name));
    const first = plain[0];
    if (!first) return [];
    const ladder = ladders.find(({ renditions }) => renditions.some((track) => track.name === first.name));
    const followable = plain.filter((track) => ladder?.renditions.some(({ name }) => name === track.name));
    if (followable.length > 1) return followable.sort(highestFirst);
    const shape = (track: VideoTrack) => track.width / Math.max(1, track.height);
    const isAlike = (track: VideoTrack) =>
        track.ladder === first.ladder && Math.abs(shape(track) / shape(first) - 1) < 0.02;
    const alike = plain.filter((track) => track.bitrateBps && isAlike(track));
    return alike.length > 1 ? alike.sort(highestFirst) : [first];
}

function highestFirst(a: VideoTrack, b: VideoTrack): number {
    return (b.bitrateBps ?? 0) - (a.bitrateBps ?? 0);
}

/** `usable`: what this browser decodes, in the catalog's order. Undefined: nothing. */
export function chooseTrack(
    wanted: string,
    usable: readonly VideoTrack[],
    ladders: readonly Ladder[],
    byEstimate: (candidates: readonly VideoTrack[]) => VideoTrack | undefined,
): Choice | undefined {
    const isAutomatic = (track: VideoTrack) => ladders.some((ladder) => ladder.automatic?.name === track.name);
    const named = usable.find((track) => track.name === wanted);
    if (named) return { track: named, chosenBy: isAutomatic(named) ? "relay" : "viewer" };
    const automatic = ladders.find((ladder) => ladder.automatic && usable.includes(ladder.automatic))?.automatic;
    if (automatic) return { track: automatic, chosenBy: "relay" };
    const track = byEstimate(candidatesOf(usable, ladders));
    return track && { track, chosenBy: "player" };
}

/** Trouble of this length moves us down; it is the same trouble if it pauses no longer than this. */
const TROUBLE_MS = 800;
const CALM_MS = 1500;
/** At least so long between two changes, and so long without trouble before one up. */
const BETWEEN_MS = 3_000;
const QUIET_MS = 10_000;
/** After a step up that failed, the next one waits twice as long, up to this. */
const MAX_QUIET_MS = 160_000;
/** A step up that is followed by trouble so soon has failed. */
const TRIAL_MS = 8_000;
/** A rendition may take this part of what the network carries. */
const HEADROOM = 0.8;

/** Our own estimate. It holds no timers: `look` is called a few times a second. */
export class Estimate {
    #level: number | undefined;
    #troubledMs: number | undefined;
    #changedMs = Number.NEGATIVE_INFINITY;
    #troubleEndMs = 0;
    #quietMs = QUIET_MS;
    #isTrial = false;

    /** Of these, the highest bitrate first. Without an experience: what `rateBps` carries, else the one in the middle. */
    pick(candidates: readonly VideoTrack[], rateBps?: number): VideoTrack | undefined {
        if (this.#level === undefined) {
            const fits = candidates.findIndex((track) => (track.bitrateBps ?? 0) <= (rateBps ?? 0) * HEADROOM);
            this.#level = rateBps && fits >= 0 ? fits : candidates.length >> 1;
        }
        return candidates[Math.min(this.#level, candidates.length - 1)];
    }

    /** Whether another one should be picked. `receivedBps`: what has arrived in the last seconds. */
    look(candidates: readonly VideoTrack[], isTroubled: boolean, receivedBps: number, nowMs: number): boolean {
        const level = Math.min(this.#level ?? 0, candidates.length - 1);
        if (isTroubled) {
            this.#troubledMs ??= nowMs;
            this.#troubleEndMs = nowMs;
            if (level >= candidates.length - 1 || nowMs - this.#troubledMs < TROUBLE_MS) return false;
            if (nowMs - this.#changedMs < BETWEEN_MS && !this.#isTrial) return false;
            const fits = candidates.findIndex((track) => (track.bitrateBps ?? 0) <= receivedBps * HEADROOM);
            if (this.#isTrial) this.#quietMs = Math.min(MAX_QUIET_MS, this.#quietMs * 2);
            return this.#change(Math.max(level + 1, fits < 0 ? candidates.length - 1 : fits), false, nowMs);
        }
        if (nowMs - this.#troubleEndMs > CALM_MS) this.#troubledMs = undefined;
        if (this.#isTrial && nowMs - this.#changedMs >= TRIAL_MS) {
            this.#isTrial = false;
            this.#quietMs = QUIET_MS;
        }
        if (level === 0 || nowMs - Math.max(this.#troubleEndMs, this.#changedMs) < this.#quietMs) return false;
        return this.#change(level - 1, true, nowMs);
    }

    #change(level: number, isTrial: boolean, nowMs: number): boolean {
        this.#level = level;
        this.#isTrial = isTrial;
        this.#changedMs = nowMs;
        this.#troubledMs = undefined;
        return true;
    }
}
