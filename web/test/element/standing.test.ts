// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { advance, begin, end, IDLE, IDLE_STATE, pass, type Standing } from "../../src/element/standing.ts";
import type { PlayerState } from "../../src/player/index.ts";

/** Goes through states one after the other; the events of each step are one line. */
function walk(steps: (Partial<PlayerState> | "begin" | "end" | number)[]): { lines: string[]; standing: Standing } {
    let standing = IDLE;
    let nowMs = 0;
    const lines = steps.map((change) => {
        if (typeof change === "number") nowMs += change;
        const step =
            change === "begin"
                ? begin(standing)
                : change === "end"
                  ? end(standing)
                  : typeof change === "number"
                    ? pass(standing, nowMs)
                    : advance(standing, { ...standing.state, ...change }, nowMs);
        standing = step.standing;
        return step.events.join(" ");
    });
    return { lines, standing };
}

const START: (Partial<PlayerState> | "begin")[] = [
    "begin",
    { status: "connecting", isPaused: false },
    { status: "loading", hasVideo: true, hasAudio: true },
    { status: "playing", videoWidth: 640, videoHeight: 360 },
];

test("a start says what <video> says, in its order", () => {
    const { lines, standing } = walk(START);
    expect(lines).toEqual([
        "loadstart",
        "play waiting",
        "",
        "durationchange resize loadedmetadata loadeddata canplay playing canplaythrough",
    ]);
    expect(standing.readyState).toBe(4);
});

test("sizes known before the picture are metadata", () => {
    const { lines, standing } = walk(["begin", { status: "loading", hasVideo: true, videoWidth: 64, videoHeight: 36 }]);
    expect(lines[1]).toBe("durationchange resize loadedmetadata");
    expect(standing.readyState).toBe(1);
});

test("sound alone needs no size", () => {
    const { lines } = walk(["begin", { status: "playing", hasAudio: true, isPaused: false }]);
    expect(lines[1]).toBe("play durationchange loadedmetadata loadeddata canplay playing canplaythrough");
});

test("a pause and its end", () => {
    const { lines, standing } = walk([
        ...START,
        { status: "paused", isPaused: true },
        { status: "loading", isPaused: false },
        { status: "playing" },
    ]);
    expect(lines.slice(4)).toEqual(["timeupdate pause", "play waiting", "canplay playing canplaythrough"]);
    expect(standing.readyState).toBe(4);
});

test("a player whose status follows later", () => {
    const { lines } = walk([
        ...START,
        { isPaused: true },
        { status: "paused" },
        { isPaused: false },
        { status: "playing" },
    ]);
    expect(lines.slice(4)).toEqual(["timeupdate pause", "", "play waiting", "canplay playing canplaythrough"]);
});

test("a pause that ends at once", () => {
    const { lines } = walk([...START, { status: "paused", isPaused: true }, { status: "playing", isPaused: false }]);
    expect(lines[5]).toBe("play playing");
});

test("paused from the beginning there is no play and nothing to wait for", () => {
    const { lines, standing } = walk(["begin", { status: "paused", isPaused: true }, 10_000]);
    expect(lines).toEqual(["loadstart", "", ""]);
    expect(standing.readyState).toBe(0);
});

test("missing media are waited for, and called stalled once when it lasts", () => {
    const { lines, standing } = walk([...START, { status: "waiting" }, 2_999, 1, 10_000, { status: "playing" }]);
    expect(lines.slice(4)).toEqual(["timeupdate waiting", "", "stalled", "", "canplay playing canplaythrough"]);
    expect(standing.missingSinceMs).toBeUndefined();
});

test("a lost session is stalled at once and keeps the picture", () => {
    const { lines, standing } = walk([...START, { status: "connecting" }, 10_000]);
    expect(lines.slice(4)).toEqual(["timeupdate waiting stalled", ""]);
    expect(standing.readyState).toBe(2);
});

test("a broadcast that ends and comes again", () => {
    const { lines } = walk([...START, { status: "waiting" }, { status: "offline" }, { status: "playing" }]);
    expect(lines.slice(4)).toEqual(["timeupdate waiting", "stalled", "canplay playing canplaythrough"]);
});

test("a new src forgets, and says so", () => {
    const { lines, standing } = walk([...START, "begin"]);
    expect(lines[4]).toBe("abort emptied durationchange timeupdate loadstart");
    expect(standing.readyState).toBe(0);
    expect(standing.state).toMatchObject({ status: "connecting", videoWidth: 0, isPaused: false });
});

test("a src that is gone leaves what the viewer set", () => {
    const { lines, standing } = walk([...START, { volume: 0.5 }, "end"]);
    expect(lines[5]).toBe("abort emptied durationchange timeupdate");
    expect(standing.state).toMatchObject({ status: "idle", volume: 0.5, isPaused: false, renditions: [] });
});

test("an error ends it", () => {
    const error = { code: "refused" as const, message: "No.", isTransient: false };
    const { lines, standing } = walk([...START, { status: "failed", error }, { status: "failed", error }, 10_000]);
    expect(lines.slice(4)).toEqual(["error", "", ""]);
    expect(standing.readyState).toBe(2);
});

test("volume, mute, size and rate", () => {
    const { lines } = walk([
        ...START,
        { volume: 0.5 },
        { isMuted: true },
        { isSoundBlocked: true },
        { isMuted: false },
        { isSoundBlocked: false },
        { videoWidth: 1280, videoHeight: 720 },
        { playbackRate: 1.02 },
        { neededLatencyMs: 7 },
    ]);
    // Blocked and muted are the same to who listens.
    expect(lines.slice(4)).toEqual([
        "volumechange",
        "volumechange",
        "",
        "",
        "volumechange",
        "resize",
        "ratechange",
        "",
    ]);
});

test("the size of a new src is told with its picture, once, and each change after that once", () => {
    const sizes: [string, number][] = [];
    const { lines } = walk([
        ...START,
        "begin",
        { status: "connecting", videoWidth: 0, videoHeight: 0 },
        { status: "loading", hasVideo: true },
        { status: "playing", videoWidth: 320, videoHeight: 180 },
        { neededLatencyMs: 40 },
        { videoWidth: 1280, videoHeight: 720 },
        { status: "waiting" },
        { status: "playing" },
    ]);
    for (const line of lines.slice(5)) sizes.push([line, line.split(" ").filter((name) => name === "resize").length]);
    expect(sizes.map(([, count]) => count)).toEqual([0, 0, 1, 0, 1, 0, 0]);
    expect(lines.slice(5).filter((line) => line.includes("loadedmetadata")).length).toBe(1);
    expect(lines[7]).toContain("resize loadedmetadata");
});

test("the same state again says nothing", () => {
    expect(walk([...START, {}]).lines[4]).toBe("");
    expect(advance(IDLE, IDLE_STATE, 0).events).toEqual([]);
});
