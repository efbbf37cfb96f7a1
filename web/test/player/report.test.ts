// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import type { Program } from "../../src/player/engine/program.ts";
import { Screen } from "../../src/player/engine/render.ts";
import {
    addCounts,
    type Facts,
    NO_COUNTS,
    stateOf,
    statsOf,
    statusOf,
    timingOf,
} from "../../src/player/engine/report.ts";
import { decodeFailed } from "../../src/player/engine/words.ts";

const FACTS: Facts = {
    hasSource: true,
    isPaused: false,
    isConnected: true,
    isOffline: false,
    hasNews: true,
    error: undefined,
    latencyMs: 200,
    program: undefined,
    screen: new Screen(),
    isSeen: true,
};

const playing = (status: string) => ({ playback: { status } }) as unknown as Program;

test("the status says the most useful thing", () => {
    expect(statusOf({ ...FACTS, hasSource: false })).toBe("idle");
    expect(statusOf({ ...FACTS, error: { ...decodeFailed("AV1", ""), isTransient: false } })).toBe("failed");
    expect(statusOf({ ...FACTS, isPaused: true })).toBe("paused");
    expect(statusOf({ ...FACTS, isConnected: false })).toBe("connecting");
    expect(statusOf({ ...FACTS, hasNews: false })).toBe("connecting");
    expect(statusOf({ ...FACTS, isOffline: true })).toBe("offline");
    expect(statusOf(FACTS)).toBe("loading");
    expect(statusOf({ ...FACTS, program: playing("waiting") })).toBe("waiting");
    // What has arrived plays on without a session.
    expect(statusOf({ ...FACTS, isConnected: false, program: playing("playing") })).toBe("playing");
    expect(statusOf({ ...FACTS, isSeen: false, program: playing("waiting") })).toBe("playing");
    expect(statusOf({ ...FACTS, error: decodeFailed("AV1", ""), program: playing("playing") })).toBe("playing");
});

test("before anything plays there is a state, times and figures", () => {
    const state = stateOf(FACTS, 0);
    expect(state).toMatchObject({
        status: "loading",
        hasVideo: false,
        renditions: [],
        playbackRate: 1,
        latencyMs: 200,
    });
    expect(timingOf(undefined, 5, 7)).toMatchObject({ positionUs: undefined, isRunning: false, atMs: 7 });
    const counted = addCounts({ ...NO_COUNTS, framesShown: 2 }, { ...NO_COUNTS, framesShown: 3, groupsSkipped: 1 });
    const stats = statsOf(undefined, { rttMs: 3, version: "03", reconnects: 1, drawnBy: "2d" }, counted, 0);
    expect(stats).toMatchObject({
        framesShown: 5,
        groupsSkipped: 1,
        rttMs: 3,
        version: "03",
        reconnects: 1,
        latencyMs: 0,
        drawnBy: "2d",
    });
});
