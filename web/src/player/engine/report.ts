// SPDX-License-Identifier: MIT OR Apache-2.0
// What the engine tells the page, put together from its parts. A state is sent only when something in it has changed.
import type { EngineState, Timing } from "../messages.ts";
import type { PlayerError, PlayerStats, PlayerStatus } from "../state.ts";
import type { Program } from "./program.ts";
import type { Screen } from "./render.ts";

/** Smaller changes of what the network needs are not worth a state. */
const NEEDED_STEP_MS = 20;

export interface Facts {
    hasSource: boolean;
    isPaused: boolean;
    isConnected: boolean;
    isOffline: boolean;
    /** A catalog, or word that there is none, has come. */
    hasNews: boolean;
    error: PlayerError | undefined;
    latencyMs: number;
    program: Program | undefined;
    screen: Screen;
    isSeen: boolean;
}

export function statusOf({
    hasSource,
    isPaused,
    isConnected,
    isOffline,
    hasNews,
    error,
    program,
    isSeen,
}: Facts): PlayerStatus {
    if (!hasSource) return "idle";
    if (error && !error.isTransient) return "failed";
    if (isPaused) return "paused";
    const playback = program?.playback.status ?? "loading";
    // Nobody sees that a hidden picture stands still.
    if (playback === "playing" || (playback === "waiting" && !isSeen && isConnected && !isOffline)) return "playing";
    if (!isConnected) return "connecting";
    if (isOffline) return "offline";
    if (playback === "waiting") return "waiting";
    return hasNews ? "loading" : "connecting";
}

export function stateOf(facts: Facts, nowMs: number): EngineState {
    const { program, screen } = facts;
    const playback = program?.playback;
    const neededMs = playback ? Math.round(playback.neededMs(nowMs) / NEEDED_STEP_MS) * NEEDED_STEP_MS : 0;
    return {
        status: statusOf(facts),
        error: facts.error,
        videoWidth: screen.width,
        videoHeight: screen.height,
        hasVideo: program?.videoTrack !== undefined,
        hasAudio: program?.audioTrack !== undefined,
        renditions: program?.renditions ?? [],
        rendition: program?.rendition,
        latencyMs: facts.latencyMs,
        neededLatencyMs: neededMs,
        playbackRate: playback?.clock.rate ?? 1,
    };
}

/** `pageMs`: what the page's clock says at `nowMs`. */
export function timingOf(program: Program | undefined, nowMs: number, pageMs: number): Timing {
    const playback = program?.playback;
    return {
        positionUs: playback?.clock.timeUs(nowMs),
        newestUs: playback?.arrivals.newestUs(),
        rate: playback?.clock.rate ?? 1,
        isRunning: playback?.clock.isRunning ?? false,
        atMs: pageMs,
    };
}

/** `counted`: what programs before this one have counted. */
export function statsOf(
    program: Program | undefined,
    line: Pick<PlayerStats, "rttMs" | "version" | "reconnects" | "drawnBy">,
    counted: Counts,
    nowMs: number,
): PlayerStats {
    const playback = program?.playback;
    const positionUs = playback?.clock.timeUs(nowMs);
    const newestUs = playback?.arrivals.newestUs();
    return {
        latencyMs: playback?.behindMs(nowMs) ?? 0,
        bufferMs: positionUs === undefined || newestUs === undefined ? 0 : Math.max(0, (newestUs - positionUs) / 1000),
        rateBps: program?.meter.rateBps(nowMs) ?? 0,
        ...addCounts(counted, countsOf(program)),
        ...line,
        videoCodec: program?.videoTrack?.codec,
        audioCodec: program?.audioTrack?.codec,
        rendition: program?.rendition?.name,
        chosenBy: program?.rendition?.chosenBy,
    };
}

export type Counts = Pick<
    PlayerStats,
    "framesShown" | "framesLate" | "framesDropped" | "groupsSkipped" | "audioUnderruns"
>;

export const NO_COUNTS: Counts = {
    framesShown: 0,
    framesLate: 0,
    framesDropped: 0,
    groupsSkipped: 0,
    audioUnderruns: 0,
};

export function countsOf(program: Program | undefined): Counts {
    if (!program) return NO_COUNTS;
    const { video, sound } = program.playback;
    const { framesShown, framesLate, framesDropped, groupsSkipped } = video;
    return { framesShown, framesLate, framesDropped, groupsSkipped, audioUnderruns: sound.underruns };
}

export function addCounts(a: Counts, b: Counts): Counts {
    return {
        framesShown: a.framesShown + b.framesShown,
        framesLate: a.framesLate + b.framesLate,
        framesDropped: a.framesDropped + b.framesDropped,
        groupsSkipped: a.groupsSkipped + b.groupsSkipped,
        audioUnderruns: a.audioUnderruns + b.audioUnderruns,
    };
}
