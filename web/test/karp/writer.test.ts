// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test, vi } from "vitest";
import { parseCatalog } from "../../src/karp/catalog.ts";
import { readMediaFrame } from "../../src/karp/frame.ts";
import type { GroupWriter, Path, Track } from "../../src/transfork/index.ts";

interface FakeGroup {
    frames: Uint8Array[];
    isClosed: boolean;
}

/** Tracks that keep everything that is written. */
class FakeTrack implements Track {
    readonly path: Path;
    readonly groups: FakeGroup[] = [];
    readonly viewers = 0;
    readonly unsentBytes = 0;
    onViewers = undefined;
    isClosed = false;

    constructor(path: Path) {
        this.path = path;
    }

    giveUp(): void {}

    openGroup(): GroupWriter {
        const group: FakeGroup = { frames: [], isClosed: false };
        this.groups.push(group);
        return {
            sequence: this.groups.length - 1,
            writeFrame: (frame) => {
                group.frames.push(frame);
            },
            close: () => {
                group.isClosed = true;
            },
            abort() {},
        };
    }

    close(): void {
        this.isClosed = true;
    }
}

vi.mock("../../src/transfork/index.ts", () => ({ createTrack: (path: Path) => new FakeTrack(path) }));
const { BroadcastWriter } = await import("../../src/karp/writer.ts");

const VIDEO = { kind: "video", name: "video", priority: 2, codec: "vp8", width: 64, height: 48 } as const;
const AUDIO = { kind: "audio", name: "audio", priority: 1, codec: "opus", sampleRate: 48000, channelCount: 2 } as const;

function begin() {
    const tracks: FakeTrack[] = [];
    const writer = new BroadcastWriter(["demo", "cam"], 1700, (track) => tracks.push(track as FakeTrack));
    const named = (name: string) => {
        const found = tracks.find(({ path }) => path.at(-1) === name);
        if (!found) throw new Error(`no track ${name}`);
        return found;
    };
    /** Times of the first frames of groups. */
    const begins = (name: string) =>
        named(name).groups.map(({ frames }) => readMediaFrame(frames[0] ?? new Uint8Array()).timeUs);
    return { writer, named, begins };
}

test("the catalog is offered at once and written anew for each change", () => {
    const { writer, named } = begin();
    const catalog = named("1700");
    expect(catalog.path).toEqual(["demo", "cam", "1700"]);
    writer.offer([VIDEO, AUDIO]);
    writer.offer([{ ...VIDEO, width: 128 }, AUDIO]);
    writer.offer([{ ...VIDEO, width: 128 }, AUDIO]);
    writer.offer([{ ...VIDEO, width: 128 }]);
    const written = catalog.groups.map(({ frames }) => parseCatalog(frames[0] ?? new Uint8Array()));
    expect(written).toEqual([
        { video: [VIDEO], audio: [AUDIO] },
        { video: [{ ...VIDEO, width: 128 }], audio: [AUDIO] },
        { video: [{ ...VIDEO, width: 128 }], audio: [] },
    ]);
    expect(catalog.groups.every(({ isClosed }) => isClosed)).toBe(true);
    expect(named("audio").isClosed).toBe(true);
    expect(writer.tracks.map(({ path }) => path.length)).toEqual([3, 4]);
});

test("a group of video begins at a keyframe, and nothing before the first one is sent", () => {
    const { writer, named, begins } = begin();
    writer.offer([VIDEO]);
    for (const [ms, isKey] of [
        [0, false],
        [40, true],
        [80, false],
        [120, true],
    ] as const)
        writer.write("video", ms * 1000, isKey, Uint8Array.of(ms));
    expect(begins("video")).toEqual([40_000, 120_000]);
    expect(named("video").groups[0]?.frames.length).toBe(2);
});

test("a group of sound begins with the first frame after a keyframe, once for all renditions", () => {
    const { writer, begins } = begin();
    writer.offer([VIDEO, { ...VIDEO, name: "low" }, AUDIO]);
    writer.write("audio", 0, true, Uint8Array.of(1));
    writer.write("video", 10_000, true, Uint8Array.of(1));
    writer.write("audio", 20_000, true, Uint8Array.of(1));
    writer.write("low", 10_100, true, Uint8Array.of(1));
    writer.write("audio", 40_000, true, Uint8Array.of(1));
    writer.write("audio", 60_000, true, Uint8Array.of(1));
    expect(begins("audio")).toEqual([0, 20_000]);
});

test("without a picture, a group of sound lasts ten seconds", () => {
    const { writer, begins } = begin();
    writer.offer([AUDIO]);
    for (let s = 0; s <= 25; s++) writer.write("audio", s * 1e6, true, Uint8Array.of(1));
    expect(begins("audio")).toEqual([0, 10e6, 20e6]);
});

test("after the end nothing is written", () => {
    const { writer, named } = begin();
    writer.offer([AUDIO]);
    writer.close();
    writer.write("audio", 0, true, Uint8Array.of(1));
    expect(named("audio").groups).toEqual([]);
    expect(named("audio").isClosed).toBe(true);
});
