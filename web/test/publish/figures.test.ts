// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { isOn, nameFigures, nameStatus, readSettings } from "../../src/publish/figures.ts";
import { NO_STATS, NOTHING_PUBLISHED } from "../../src/publish/state.ts";

const read = (attributes: Record<string, string>) => readSettings((name) => attributes[name] ?? null);

test("attributes that say nothing, or nonsense, are as if they were not there", () => {
    const usual = read({});
    expect(usual).toEqual({
        width: 1280,
        height: 720,
        framerate: 30,
        bitrateBps: undefined,
        keyframeS: 2,
        codec: undefined,
        hasLadder: false,
    });
    expect(read({ width: "wide", height: "-1", framerate: "0", bitrate: "", codec: "mpeg1" })).toEqual(usual);
    expect(read({ width: "1e9", "keyframe-interval": "999", codec: "VP9", ladder: "" })).toEqual({
        ...usual,
        width: 8192,
        keyframeS: 30,
        codec: "vp9",
        hasLadder: true,
    });
});

test("what is on unless it says off", () => {
    expect([null, "", "on", "true", "off", " OFF ", "false", "0", "no"].map(isOn)).toEqual([
        true,
        true,
        true,
        true,
        false,
        false,
        false,
        false,
        false,
    ]);
});

test("figures are one line", () => {
    const renditions = [
        { name: "video", codec: "avc1.42e01f", width: 1280, height: 720, bitrateBps: 2e6 },
        { name: "video-low", codec: "avc1.42e01e", width: 640, height: 360, bitrateBps: 6e5 },
    ];
    const state = { ...NOTHING_PUBLISHED, status: "live" as const, renditions };
    const stats = { ...NO_STATS, framesPerSecond: 29.7, bitrateBps: 2.44e6, framesDropped: 3 };
    expect(nameFigures(state, stats)).toBe("1280×720 and 640×360, H.264, 30 fps, no sound, 2.4 Mb/s, 3 frames dropped");
    expect(nameFigures({ ...state, renditions: [], hasSound: true }, NO_STATS)).toBe("sound only, 0.0 Mb/s");
});

test("the status says first what is wrong", () => {
    const error = { code: "no-device", message: "There is no such device", isTransient: false } as const;
    expect(nameStatus({ ...NOTHING_PUBLISHED, error }, "The camera is gone.")).toBe("There is no such device.");
    expect(nameStatus(NOTHING_PUBLISHED, "The camera is gone.")).toBe("The camera is gone.");
    expect(nameStatus({ ...NOTHING_PUBLISHED, status: "live", isSoundBlocked: true }, "")).toContain("Click");
    expect(nameStatus(NOTHING_PUBLISHED, "")).toBe("Choose what to publish.");
    expect(nameStatus({ ...NOTHING_PUBLISHED, status: "live", isStrained: true }, "")).toContain("too slow");
});
