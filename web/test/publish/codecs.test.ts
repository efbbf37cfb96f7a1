// SPDX-License-Identifier: MIT OR Apache-2.0
import { afterEach, expect, test, vi } from "vitest";
import { laddersOf, type VideoTrack } from "../../src/karp/index.ts";
import * as codecs from "../../src/publish/engine/codecs.ts";

const WISH = { width: 1280, height: 720, framerate: 30, bitrateBps: 1e6 };

test("the level covers size and rate", () => {
    const h264 = (change: object) => codecs.codecStrings("h264", { ...WISH, ...change })[0];
    expect(h264({})).toBe("avc1.42e01f");
    expect(h264({ framerate: 60 })).toBe("avc1.42e028");
    expect(h264({ width: 640, height: 360 })).toBe("avc1.42e01e");
    expect(h264({ width: 1920, height: 1080 })).toBe("avc1.42e028");
    expect(h264({ width: 1920, height: 1080, framerate: 60 })).toBe("avc1.42e02a");
    expect(h264({ width: 3840, height: 2160, framerate: 60 })).toBe("avc1.42e034");
    expect(h264({ width: 8192, height: 8192, framerate: 120 })).toBe("avc1.42e03e");
    expect(codecs.codecStrings("vp9", WISH)).toEqual(["vp09.00.31.08"]);
    expect(codecs.codecStrings("vp9", { ...WISH, width: 1920, height: 1080 })).toEqual(["vp09.00.40.08"]);
    expect(codecs.codecStrings("av1", WISH)).toEqual(["av01.0.05M.08"]);
    expect(codecs.codecStrings("av1", { ...WISH, width: 1920, height: 1080, framerate: 60 })).toEqual([
        "av01.0.09M.08",
    ]);
    expect(codecs.codecStrings("vp8", WISH)).toEqual(["vp8"]);
});

test("catalogs have only forms that old readers take", () => {
    expect(codecs.catalogCodec("avc1.42C01E", "avc1.42e01f")).toBe("avc1.42C01E");
    expect(codecs.catalogCodec("vp09.00.31.08.01.01.01.01.00", "x")).toBe("vp09.00.31.08.01.01.01.01.00");
    expect(codecs.catalogCodec("av01.0.05M.08.0.110.01.01.01.0", "x")).toBe("av01.0.05M.08.0.110.01.01.01.0");
    for (const odd of [undefined, "vp9", "av01.2.05M.08", "avc3.42e01f", "avc1.42e0", "av01.0.05M.8", ""])
        expect(codecs.catalogCodec(odd, "asked")).toBe("asked");
});

test("what is made by default is in these forms too", () => {
    for (const name of ["h264", "vp9", "av1", "vp8"] as const)
        for (const codec of codecs.codecStrings(name, WISH)) expect(codecs.catalogCodec(codec, "no")).toBe(codec);
});

test("a picture fits with its shape, in even pixels, and is never made larger", () => {
    const frame = { width: 1280, height: 720 };
    expect(codecs.fitSize({ width: 1920, height: 1080 }, frame)).toEqual(frame);
    expect(codecs.fitSize({ width: 321, height: 241 }, frame)).toEqual({ width: 322, height: 242 });
    expect(codecs.fitSize({ width: 1080, height: 1920 }, frame)).toEqual({ width: 720, height: 1280 });
    expect(codecs.fitSize({ width: 1, height: 1 }, frame)).toEqual({ width: 2, height: 2 });
});

test("a ladder has two renditions, unless the lower one would be tiny", () => {
    const size = { width: 1280, height: 720 };
    expect(codecs.layersOf(size, 1e6, false)).toEqual([{ suffix: "", ...size, bitrateBps: 1e6 }]);
    expect(codecs.layersOf(size, 1e6, true)[1]).toEqual({ suffix: "-low", width: 640, height: 360, bitrateBps: 3e5 });
    expect(codecs.layersOf({ width: 320, height: 240 }, 1e6, true).length).toBe(1);
});

test("a relay can move viewers between the renditions of a ladder", () => {
    const track = ({ suffix, ...layer }: codecs.Layer): VideoTrack => ({
        kind: "video",
        name: `video${suffix}`,
        priority: 2,
        codec: codecs.codecStrings("h264", { ...layer, framerate: 30 })[0] ?? "",
        ...layer,
    });
    const video = codecs.layersOf({ width: 1280, height: 720 }, 2e6, true).map(track);
    expect(laddersOf({ video, audio: [] })).toEqual([{ renditions: video }]);
});

test("the usual bit rate grows with the picture", () => {
    expect(codecs.usualBitrate({ width: 1280, height: 720 }, 30)).toBeGreaterThan(2e6);
    expect(codecs.usualBitrate({ width: 160, height: 90 }, 15)).toBe(150_000);
});

afterEach(() => vi.unstubAllGlobals());

/** A browser that encodes these. */
function stubEncoder(...known: string[]) {
    vi.stubGlobal("VideoEncoder", {
        isConfigSupported: async ({ codec }: { codec: string }) => {
            if (codec === "vp8") throw new TypeError("odd");
            return { supported: known.some((prefix) => codec.startsWith(prefix)) };
        },
    });
}

test("the first codec that the browser encodes is taken", async () => {
    const choose = async (...names: Parameters<typeof codecs.candidates>) =>
        (await codecs.chooseVideo(WISH, codecs.candidates(...names)))?.config.codec;
    expect(await choose(undefined, new Set())).toBeUndefined(); // no WebCodecs at all
    stubEncoder("avc1.64", "av01");
    expect(await choose(undefined, new Set())).toBe("avc1.64001f");
    expect(await choose(undefined, new Set(["h264"]))).toBe("av01.0.05M.08");
    expect(await choose("vp9", new Set())).toBeUndefined();
    expect(await choose("av1", new Set(["av1"]))).toBe("av01.0.05M.08");
});

test("H.264 has its parameter sets in the frames", async () => {
    stubEncoder("avc1");
    const chosen = await codecs.chooseVideo(WISH, ["h264"]);
    expect(chosen?.config.avc).toEqual({ format: "annexb" });
    expect(chosen?.config.latencyMode).toBe("realtime");
});
