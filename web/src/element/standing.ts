// SPDX-License-Identifier: MIT OR Apache-2.0
// From states of the player to what HTMLMediaElement would say: readyState, networkState, and events in its order.
// Pure: the element gives it states and the time, and fires what comes back.
import type { PlayerState } from "../player/index.ts";

/** As those of HTMLMediaElement. */
export const NOTHING = 0;
export const METADATA = 1;
export const CURRENT_DATA = 2;
export const ENOUGH_DATA = 4;

/** HTML says "stalled" when nothing has come for about so long. */
export const STALLED_AFTER_MS = 3_000;

export interface Standing {
    readonly state: PlayerState;
    readonly readyState: number;
    /** Playback has been missing media since; undefined: it is not, or it has been called stalled. */
    readonly missingSinceMs: number | undefined;
}

export interface Step {
    readonly standing: Standing;
    readonly events: readonly string[];
}

/** Before there is a src. */
export const IDLE_STATE: PlayerState = {
    status: "idle",
    error: undefined,
    videoWidth: 0,
    videoHeight: 0,
    hasVideo: false,
    hasAudio: false,
    renditions: [],
    rendition: undefined,
    isPaused: true,
    isMuted: false,
    volume: 1,
    isSoundBlocked: false,
    latencyMs: 0,
    neededLatencyMs: 0,
    playbackRate: 1,
};

export const IDLE: Standing = { state: IDLE_STATE, readyState: NOTHING, missingSinceMs: undefined };

/** The page hears nothing, by its own will or the browser's. One click on a mute button should change that. */
export function isSilent(state: PlayerState): boolean {
    return state.isMuted || state.isSoundBlocked;
}

/** A src is taken, another one or the same again: what was known of the last one is forgotten. */
export function begin(old: Standing): Step {
    const events = old.state.status === "idle" ? [] : ["abort", "emptied"];
    if (old.readyState > NOTHING) events.push("durationchange", "timeupdate");
    const { isPaused, isMuted, isSoundBlocked, volume } = old.state;
    const state = { ...IDLE_STATE, status: "connecting" as const, isPaused, isMuted, isSoundBlocked, volume };
    return { standing: { ...IDLE, state }, events: [...events, "loadstart"] };
}

/** The src is gone. */
export function end(old: Standing): Step {
    const events = old.state.status === "idle" ? [] : ["abort", "emptied"];
    if (old.readyState > NOTHING) events.push("durationchange", "timeupdate");
    return { standing: { ...IDLE, state: { ...old.state, ...FORGOTTEN } }, events };
}

const FORGOTTEN = {
    status: "idle",
    error: undefined,
    videoWidth: 0,
    videoHeight: 0,
    hasVideo: false,
    hasAudio: false,
    renditions: [],
    rendition: undefined,
} as const;

export function advance(old: Standing, state: PlayerState, nowMs: number): Step {
    const readyState = readyStateOf(state, old.readyState);
    const isMissing = isMissingMedia(state, readyState);
    const events = [
        ...eventsOfSound(old.state, state),
        ...eventsOfPause(old, state),
        ...eventsOfData(old, state, readyState),
        ...eventsOfWaiting(old, state, readyState),
    ];
    if (state.playbackRate !== old.state.playbackRate) events.push("ratechange");
    const wasMissing = isMissingMedia(old.state, old.readyState);
    let missingSinceMs = isMissing ? (wasMissing ? old.missingSinceMs : nowMs) : undefined;
    // A session that is lost need not be waited for.
    if (isMissing && isAway(state) && !isAway(old.state)) {
        events.push("stalled");
        missingSinceMs = undefined;
    }
    if (state.status === "failed" && old.state.status !== "failed") events.push("error");
    return { standing: { state, readyState, missingSinceMs }, events };
}

/** What passing time alone changes. */
export function pass(old: Standing, nowMs: number): Step {
    if (old.missingSinceMs === undefined || nowMs - old.missingSinceMs < STALLED_AFTER_MS)
        return { standing: old, events: [] };
    return { standing: { ...old, missingSinceMs: undefined }, events: ["stalled"] };
}

function isAway(state: PlayerState): boolean {
    return state.status === "connecting" || state.status === "offline";
}

function isMissingMedia(state: PlayerState, readyState: number): boolean {
    return !state.isPaused && readyState >= METADATA && readyState < ENOUGH_DATA && state.status !== "failed";
}

/** It never falls below what is known already, as HTML wants it: only a new beginning forgets. */
function readyStateOf(state: PlayerState, old: number): number {
    const isKnown = state.hasVideo ? state.videoWidth > 0 : state.hasAudio;
    const least = Math.max(Math.min(old, CURRENT_DATA), isKnown ? METADATA : NOTHING);
    switch (state.status) {
        case "idle":
            return NOTHING;
        case "playing":
            return ENOUGH_DATA;
        case "paused":
            // A player that has been told to play may say so before its status follows.
            return state.isPaused ? Math.max(old, least) : least;
        case "waiting":
            return isKnown ? CURRENT_DATA : least;
        default:
            return least;
    }
}

function eventsOfSound(old: PlayerState, state: PlayerState): string[] {
    return isSilent(old) !== isSilent(state) || old.volume !== state.volume ? ["volumechange"] : [];
}

function eventsOfPause(old: Standing, state: PlayerState): string[] {
    if (old.state.isPaused === state.isPaused) return [];
    return state.isPaused ? ["timeupdate", "pause"] : ["play"];
}

function eventsOfData(old: Standing, state: PlayerState, readyState: number): string[] {
    const events: string[] = [];
    const isFirst = old.readyState < METADATA && readyState >= METADATA;
    if (isFirst) events.push("durationchange");
    const isOther = state.videoWidth !== old.state.videoWidth || state.videoHeight !== old.state.videoHeight;
    const isResized = isFirst ? state.videoWidth > 0 : isOther && readyState >= METADATA;
    if (isResized) events.push("resize");
    if (isFirst) events.push("loadedmetadata");
    if (old.readyState < CURRENT_DATA && readyState >= CURRENT_DATA) events.push("loadeddata");
    return events;
}

function eventsOfWaiting(old: Standing, state: PlayerState, readyState: number): string[] {
    const isUnpaused = old.state.isPaused && !state.isPaused;
    if (readyState === ENOUGH_DATA) {
        const isNew = old.readyState < ENOUGH_DATA;
        const events = isNew ? ["canplay"] : [];
        if (!state.isPaused && (isNew || isUnpaused)) events.push("playing");
        return isNew ? [...events, "canplaythrough"] : events;
    }
    if (state.isPaused || state.status === "failed" || state.status === "idle") return [];
    if (old.readyState === ENOUGH_DATA) return isUnpaused ? ["waiting"] : ["timeupdate", "waiting"];
    return isUnpaused ? ["waiting"] : [];
}
