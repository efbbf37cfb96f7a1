// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { laddersOf, type VideoTrack } from "../../src/karp/index.ts";
import { candidatesOf, chooseTrack, Estimate } from "../../src/player/engine/choose.ts";
import { VIDEO } from "./rig.ts";

const [HIGH, MID, LOW]: [VideoTrack, VideoTrack, VideoTrack] = [
    { ...VIDEO, name: "high", width: 1280, height: 720, bitrateBps: 3_000_000 },
    { ...VIDEO, name: "mid", bitrateBps: 1_000_000 },
    { ...VIDEO, name: "low", width: 320, height: 180, bitrateBps: 300_000 },
];
const AUTO: VideoTrack = { ...VIDEO, name: "auto", width: 1280, height: 720 };

function laddersWith(...video: VideoTrack[]) {
    return laddersOf({ video, audio: [] });
}

describe("the rendition", () => {
    const inLadder = [HIGH, MID, LOW].map((track) => ({ ...track, ladder: "auto" }));

    test("is the one that the viewer names", () => {
        const tracks = [AUTO, ...inLadder];
        const choice = chooseTrack("low", tracks, laddersWith(...tracks), () => undefined);
        expect([choice?.track.name, choice?.chosenBy]).toEqual(["low", "viewer"]);
    });

    test("is left to the relay where there is a track for that", () => {
        const tracks = [...inLadder, AUTO];
        for (const wanted of ["auto", "no such one"]) {
            const choice = chooseTrack(wanted, tracks, laddersWith(...tracks), () => undefined);
            expect([choice?.track.name, choice?.chosenBy]).toEqual(["auto", "relay"]);
        }
    });

    test("is the player's choice otherwise, also among renditions that one decoder cannot follow", () => {
        const described = [LOW, HIGH, MID].map((track) => ({ ...track, description: Uint8Array.of(1) }));
        expect(candidatesOf(described, laddersWith(...described)).map(({ name }) => name)).toEqual([
            "high",
            "mid",
            "low",
        ]);
        const choice = chooseTrack("auto", described, laddersWith(...described), (candidates) => candidates[1]);
        expect([choice?.track.name, choice?.chosenBy]).toEqual(["mid", "player"]);
    });

    test("is never another picture", () => {
        const camera = { ...VIDEO, name: "camera", width: 400, height: 400, bitrateBps: 200_000 };
        const described = [HIGH, camera].map((track) => ({ ...track, description: Uint8Array.of(1) }));
        expect(candidatesOf(described, laddersWith(...described)).map(({ name }) => name)).toEqual(["high"]);
        expect(chooseTrack("auto", [], [], () => undefined)).toBeUndefined();
    });
});

describe("our own estimate", () => {
    const candidates = [HIGH, MID, LOW];

    test("begins with what the network carries, else in the middle", () => {
        expect(new Estimate().pick(candidates)).toBe(MID);
        expect(new Estimate().pick(candidates, 5_000_000)).toBe(HIGH);
        expect(new Estimate().pick(candidates, 500_000)).toBe(LOW);
    });

    test("goes down to what arrives when there is trouble that lasts", () => {
        const estimate = new Estimate();
        estimate.pick(candidates, 5_000_000);
        expect(estimate.look(candidates, true, 600_000, 10_000)).toBe(false);
        expect(estimate.look(candidates, false, 600_000, 10_250)).toBe(false);
        expect(estimate.look(candidates, true, 600_000, 10_500)).toBe(false);
        expect(estimate.look(candidates, true, 600_000, 11_400)).toBe(true);
        expect(estimate.pick(candidates)).toBe(LOW);
    });

    test("goes up one step after ten quiet seconds, and waits longer each time that fails", () => {
        const estimate = new Estimate();
        estimate.pick(candidates, 500_000);
        const steps: number[] = [];
        // What is above the lowest one does not fit, which shows a second after each try.
        let troubledFrom = Number.POSITIVE_INFINITY;
        for (let now = 0; now < 120_000; now += 250) {
            const isTroubled = now >= troubledFrom;
            if (!estimate.look(candidates, isTroubled, 400_000, now)) continue;
            const isUp = estimate.pick(candidates) !== LOW;
            if (isUp) steps.push(now);
            troubledFrom = isUp ? now + 1000 : Number.POSITIVE_INFINITY;
        }
        expect(steps.length).toBeGreaterThanOrEqual(3);
        const waits = steps.slice(1).map((step, i) => step - (steps[i] ?? 0));
        expect(waits[0]).toBeGreaterThan(15_000);
        expect(waits[1]).toBeGreaterThan((waits[0] ?? 0) * 1.5);
    });

    test("stays at the top when all is well", () => {
        const estimate = new Estimate();
        estimate.pick(candidates, 500_000);
        for (let now = 0; now < 60_000; now += 250) estimate.look(candidates, false, 400_000, now);
        expect(estimate.pick(candidates)).toBe(HIGH);
    });
});
