// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { type AudioTrack, parseCatalog, readMediaFrame, type VideoTrack } from "../../src/karp/index.ts";
import { Outlet } from "../../src/publish/engine/outlet.ts";
import type { Session, Track } from "../../src/transfork/index.ts";
import { sourceOf } from "../../src/transfork/track.ts";

const VIDEO: VideoTrack = { kind: "video", name: "video", priority: 2, codec: "vp8", width: 64, height: 48 };
const AUDIO: AudioTrack = {
    kind: "audio",
    name: "audio",
    priority: 1,
    codec: "opus",
    sampleRate: 48000,
    channelCount: 2,
};

class FakeSession {
    readonly tracks: Track[] = [];

    asSession(): Session {
        const fake: Partial<Session> = { publish: (track) => void this.tracks.push(track) };
        return fake as Session;
    }

    source(name: string) {
        const track = this.tracks.findLast(({ path }) => path.at(-1) === name);
        if (!track) throw new Error(`no track ${name}`);
        return sourceOf(track);
    }

    /** Names that the catalogs of an instance have told, one text for each. */
    catalogs(instance: string): string[] {
        return this.source(instance).bodies.map(({ chunks: [chunk = new Uint8Array()] }) => {
            const { video, audio } = parseCatalog(chunk.subarray(chunk.indexOf("{".charCodeAt(0))));
            return [...video, ...audio].map(({ name, codec }) => `${name}:${codec}`).join();
        });
    }

    timesOf(name: string): number[] {
        const all = this.source(name).bodies.flatMap(({ chunks }) => chunks);
        return all.map((chunk) => readMediaFrame(chunk.subarray(1)).timeUs);
    }
}

function begin() {
    const clock = { nowMs: 0, wallMs: 1700 };
    const told: (string | undefined)[] = [];
    const asked = { keyframes: 0 };
    const outlet = new Outlet(["demo", "me"], {
        nowMs: () => clock.nowMs,
        wallMs: () => clock.wallMs,
        onInstance: (instance) => told.push(instance),
        askForKeyframes: () => {
            asked.keyframes++;
        },
    });
    const session = new FakeSession();
    const write = (name: string, timeUs: number, isKey = true) =>
        outlet.write({ name, timeUs, isKey, data: Uint8Array.of(1) });
    return { outlet, session, clock, told, asked, write };
}

test("one catalog is told when all tracks are known, and no frame before it is lost", () => {
    const { outlet, session, write, told } = begin();
    outlet.plan("video", ["video"]);
    outlet.plan("audio", ["audio"]);
    outlet.useSession(session.asSession());
    outlet.describe(AUDIO);
    write("audio", 10);
    outlet.describe(VIDEO);
    write("video", 20);
    write("audio", 30);
    expect(told).toEqual(["1700"]);
    expect(session.catalogs("1700")).toEqual(["video:vp8,audio:opus"]);
    expect([session.timesOf("audio"), session.timesOf("video")]).toEqual([[10, 30], [20]]);
});

test("an instance begins with the first keyframe that was held, and with the sound from there on", () => {
    const { outlet, session, write, asked } = begin();
    outlet.plan("video", ["video"]);
    outlet.plan("audio", ["audio"]);
    outlet.useSession(session.asSession());
    outlet.describe(AUDIO);
    for (const us of [10, 20, 30]) write("audio", us);
    write("video", 25);
    outlet.describe(VIDEO);
    write("audio", 40);
    expect([session.timesOf("audio"), session.timesOf("video")]).toEqual([[30, 40], [25]]);
    expect(asked.keyframes).toBe(0);
});

test("a track that sends nothing holds the others up for some seconds only", () => {
    const { outlet, session, write, clock, asked } = begin();
    outlet.plan("video", ["video"]);
    outlet.plan("audio", ["audio"]);
    outlet.useSession(session.asSession());
    outlet.describe(AUDIO);
    write("audio", 10);
    clock.nowMs = 3900;
    write("audio", 20);
    expect(session.tracks).toEqual([]);
    clock.nowMs = 4000;
    write("audio", 30);
    expect(session.catalogs("1700")).toEqual(["audio:opus"]);
    expect(session.timesOf("audio")).toEqual([10, 20, 30]);
    write("video", 35);
    outlet.describe(VIDEO);
    expect(session.catalogs("1700")).toEqual(["audio:opus", "video:vp8,audio:opus"]);
    expect(asked.keyframes).toBe(2); // of the instance, and for the one that was lost
});

test("each session has an instance of its own, with a keyframe, and a larger number", () => {
    const { outlet, session, write, told, asked, clock } = begin();
    outlet.plan("video", ["video"]);
    outlet.describe(VIDEO);
    outlet.useSession(session.asSession());
    write("video", 10);
    outlet.useSession(undefined);
    expect(session.source("video").hasClosed).toBe(true);
    write("video", 20);
    const second = new FakeSession();
    clock.wallMs = 1000; // somebody has set the clock
    outlet.useSession(second.asSession());
    write("video", 30, false);
    write("video", 40);
    expect(told).toEqual(["1700", undefined, "1701"]);
    expect(second.timesOf("video")).toEqual([40]);
    expect(asked.keyframes).toBe(2);
});

test("tracks come and go within an instance; without any there is none", () => {
    const { outlet, session, told } = begin();
    outlet.useSession(session.asSession());
    outlet.plan("video", ["video"]);
    outlet.describe(VIDEO);
    outlet.plan("audio", ["audio"]);
    outlet.describe(AUDIO);
    outlet.plan("video", ["video1"]);
    outlet.describe({ ...VIDEO, name: "video1", codec: "av01.0.05M.08" });
    outlet.plan("audio", []);
    expect(session.catalogs("1700")).toEqual([
        "video:vp8",
        "video:vp8,audio:opus",
        "video1:av01.0.05M.08,audio:opus",
        "video1:av01.0.05M.08",
    ]);
    expect([session.source("video").hasClosed, session.source("audio").hasClosed]).toEqual([true, true]);
    outlet.plan("video", []);
    expect(told).toEqual(["1700", undefined]);
    expect(session.source("1700").hasClosed).toBe(true);
});

test("a picture that changes its size is told anew, under the same name", () => {
    const { outlet, session, write } = begin();
    outlet.useSession(session.asSession());
    outlet.plan("video", ["video"]);
    outlet.describe(VIDEO);
    outlet.plan("video", ["video"]);
    write("video", 5);
    expect(session.tracks.length).toBe(2);
    expect(session.timesOf("video")).toEqual([]);
    outlet.describe({ ...VIDEO, width: 128 });
    expect(session.timesOf("video")).toEqual([5]);
    expect(session.catalogs("1700").length).toBe(2);
    expect(session.tracks.length).toBe(2);
});
