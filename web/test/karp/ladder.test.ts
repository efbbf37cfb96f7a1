// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { isAutomatic, ladderFor, laddersOf } from "../../src/karp/ladder.ts";
import type { Catalog, VideoTrack } from "../../src/karp/types.ts";

function video(name: string, members: Partial<VideoTrack> = {}): VideoTrack {
    return { kind: "video", name, priority: 2, codec: "avc1.64001f", width: 1280, height: 720, ...members };
}

function catalogOf(...tracks: VideoTrack[]): Catalog {
    return { video: tracks, audio: [] };
}

function namesOf(catalog: Catalog): string[][] {
    return laddersOf(catalog).map(({ renditions, automatic }) => [
        automatic?.name ?? "-",
        ...renditions.map((r) => r.name),
    ]);
}

test("renditions of one codec with bitrates and without descriptions are a ladder, highest first", () => {
    const catalog = catalogOf(
        video("low", { bitrateBps: 3e5, codec: "avc1.42c01e" }),
        video("high", { bitrateBps: 3e6 }),
        video("mid", { bitrateBps: 1e6, codec: "avc1.4d401f" }),
    );
    expect(namesOf(catalog)).toEqual([["-", "high", "mid", "low"]]);
});

test("an automatic track stands for those that name it", () => {
    const catalog = catalogOf(
        video("auto", { ladder: "auto" }),
        video("a", { bitrateBps: 2, ladder: "auto" }),
        video("b", { bitrateBps: 1, ladder: "auto" }),
        video("other", { bitrateBps: 3 }),
    );
    expect(namesOf(catalog)).toEqual([
        ["auto", "a", "b"],
        ["-", "other"],
    ]);
    expect(catalog.video.map((track) => isAutomatic(catalog, track))).toEqual([true, false, false, false]);
});

test.each<[string, Partial<VideoTrack>]>([
    ["a description", { description: Uint8Array.of(1) }],
    ["no bitrate", { bitrateBps: 0 }],
    ["another codec", { codec: "vp09.00.41.08" }],
    ["another bit depth", { codec: "avc1.6e001f" }],
    ["another rotation", { rotation: 90 }],
    ["a mirror", { flip: true }],
    ["another timescale", { timescale: 90000 }],
    ["another ladder", { ladder: "of another" }],
    ["a codec that nobody knows", { codec: "flac" }],
])("a track with %s is not followed", (_, members) => {
    const first = video("first", { bitrateBps: 2, timescale: 15360 });
    const catalog = catalogOf(first, video("second", { bitrateBps: 1, ...members }));
    expect(ladderFor(catalog, first)?.renditions).toEqual([first]);
});
