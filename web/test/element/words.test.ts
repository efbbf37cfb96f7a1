// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import * as attributes from "../../src/element/attributes.ts";
import { errorOf, noticeOf } from "../../src/element/errors.ts";
import { hintOf, nameChoice, nameMs, nameRate, nameRendition, rowsOf } from "../../src/element/figures.ts";
import { commandOf, type Focus } from "../../src/element/keys.ts";
import { LiveRanges } from "../../src/element/ranges.ts";
import { IDLE_STATE } from "../../src/element/standing.ts";
import type { PlayerErrorCode, PlayerStats } from "../../src/player/index.ts";

test("sizes are read as HTML reads them", () => {
    expect(attributes.readDimension("640")).toEqual({ value: 640, unit: "px" });
    expect(attributes.readDimension(" 640px")).toEqual({ value: 640, unit: "px" });
    expect(attributes.readDimension("12.5%")).toEqual({ value: 12.5, unit: "%" });
    for (const text of [null, "", "0", "-5", "auto", "px"]) expect(attributes.readDimension(text)).toBeUndefined();
});

test("the box of the element", () => {
    const css = (width: string | null, height: string | null, picture = { width: 0, height: 0 }) =>
        attributes.cssOfSize(width, height, picture).replace(/\.sizer.*/, "");
    expect(css(null, null)).toBe(":host{aspect-ratio:16/9}");
    expect(css(null, null, { width: 400, height: 300 })).toBe(":host{aspect-ratio:400/300}");
    expect(css("320", null)).toBe(":host{aspect-ratio:16/9;width:320px}");
    expect(css(null, "90")).toBe(":host{aspect-ratio:16/9;height:90px;width:160px}");
    // A narrow page shrinks both.
    expect(css("400", "400", { width: 16, height: 9 })).toBe(":host{aspect-ratio:400/400;width:400px}");
    expect(css("100%", "50%")).toBe(":host{aspect-ratio:16/9;width:100%;height:50%}");
    expect(css("0;}*{color:red", "x")).toBe(":host{aspect-ratio:16/9}");
    expect(attributes.cssOfSize(null, null, { width: 400, height: 300 })).toContain(".sizer{width:400px}");
});

test("numbers within bounds", () => {
    expect(["0.5", "2", "-1", "x", "", null].map(attributes.readVolume)).toEqual([
        0.5,
        1,
        0,
        undefined,
        undefined,
        undefined,
    ]);
    expect(["250", "0", "-7", "1e9", "12.6ms", "soon", null].map(attributes.readLatencyMs)).toEqual([
        250,
        0,
        0,
        attributes.MAX_LATENCY_MS,
        13,
        undefined,
        undefined,
    ]);
});

test("addresses are seen from the page", () => {
    const base = "https://example.org/watch/page.html";
    expect(attributes.resolveAddress("http://localhost:4443/demo", base)).toBe("http://localhost:4443/demo");
    expect(attributes.resolveAddress("/demo/bbb", base)).toBe("https://example.org/demo/bbb");
    expect(attributes.resolveAddress(" ", base)).toBeUndefined();
    expect(attributes.resolveAddress(null, base)).toBeUndefined();
    // The player says what is wrong.
    expect(attributes.resolveAddress("https://", base)).toBe("https://");
});

test("ranges throw as those of HTML", () => {
    const ranges = new LiveRanges({ start: 1, end: 2 });
    expect([ranges.length, ranges.start(0), ranges.end(0)]).toEqual([1, 1, 2]);
    expect(() => ranges.end(1)).toThrow(DOMException);
    expect(new LiveRanges().length).toBe(0);
    expect(new LiveRanges({ start: 2, end: 1 }).length).toBe(0);
});

test("each reason has one of MediaError's codes", () => {
    const codeOf = (code: PlayerErrorCode) =>
        errorOf({ ...IDLE_STATE, status: "failed", error: { code, message: "m", isTransient: false } });
    expect(codeOf("no-webtransport")).toEqual({ code: 4, message: "m", reason: "no-webtransport" });
    expect(codeOf("unreachable")?.code).toBe(2);
    expect(codeOf("token-expired")?.code).toBe(2);
    expect(codeOf("decode")?.code).toBe(3);
    const error = { code: "unreachable" as const, message: "m", isTransient: true };
    expect(errorOf({ ...IDLE_STATE, status: "connecting", error })).toBeUndefined();
});

test("what the viewer reads", () => {
    const error = { code: "unreachable" as const, message: "The relay does not answer.", isTransient: true };
    expect(noticeOf(IDLE_STATE)).toBeUndefined();
    expect(noticeOf({ ...IDLE_STATE, status: "connecting", error })).toEqual({
        text: "The relay does not answer.",
        canRetry: false,
        isPassing: false,
    });
    expect(noticeOf({ ...IDLE_STATE, status: "playing", error })).toMatchObject({ isPassing: true });
    expect(noticeOf({ ...IDLE_STATE, status: "failed", error })).toMatchObject({ canRetry: true, isPassing: false });
    expect(noticeOf({ ...IDLE_STATE, status: "offline" })?.text).toContain("starts by itself");
    const none = { code: "no-webcodecs" as const, message: "m", isTransient: false };
    expect(noticeOf({ ...IDLE_STATE, status: "failed", error: none })).toMatchObject({ canRetry: false });
});

test("figures in words", () => {
    expect([0, 99.6, 999, 1_000, 1_250, 3_000].map(nameMs)).toEqual([
        "0 ms",
        "100 ms",
        "999 ms",
        "1 s",
        "1.25 s",
        "3 s",
    ]);
    expect([400_000, 1_834_000, 10_000_000].map(nameRate)).toEqual(["400 kbit/s", "1.8 Mbit/s", "10 Mbit/s"]);
    const rendition = { name: "hd", width: 1280, height: 720, bitrateBps: 2_000_000, codec: "vp8" };
    expect(nameRendition(rendition)).toBe("720p, 2 Mbit/s");
    expect(nameRendition({ ...rendition, width: 720, height: 1280 })).toBe("720p, 2 Mbit/s");
    expect(nameRendition({ name: "x", width: 0, height: 0, codec: "vp8" })).toBe("x");
    const state = { ...IDLE_STATE, renditions: [rendition], latencyMs: 300, neededLatencyMs: 450 };
    expect(nameChoice(state)).toBe("");
    expect(nameChoice({ ...state, rendition: { name: "hd", chosenBy: "relay" } })).toBe(
        "720p, 2 Mbit/s, chosen by the relay",
    );
    expect(nameChoice({ ...state, rendition: { name: "gone", chosenBy: "viewer" } })).toBe("gone, chosen by you");
    expect(hintOf(state)).toContain("450 ms");
    expect(hintOf({ ...state, latencyMs: 450 })).toBe("");
});

test("rows of what is not known are left out", () => {
    const stats: PlayerStats = {
        latencyMs: 284,
        bufferMs: 240,
        rateBps: 1_834_000,
        rttMs: undefined,
        framesShown: 1,
        framesLate: 2,
        framesDropped: 3,
        groupsSkipped: 0,
        audioUnderruns: 0,
        reconnects: 0,
        version: undefined,
        videoCodec: undefined,
        audioCodec: undefined,
        rendition: undefined,
        chosenBy: undefined,
        drawnBy: undefined,
    };
    const valuesOf = (...of: Parameters<typeof rowsOf>) =>
        new Map(rowsOf(...of).map(({ name, value }) => [name, value]));
    const rows = valuesOf(stats, { ...IDLE_STATE, latencyMs: 300, neededLatencyMs: 120 });
    expect(rows.get("Latency")).toBe("284 ms (asked 300 ms, needed 120 ms)");
    expect(rows.get("Frames")).toBe("1 shown, 2 late, 3 dropped");
    for (const name of ["Round trip", "Picture", "Drawn by", "Sound", "Rendition"]) expect(rows.has(name)).toBe(false);
    const known = valuesOf({ ...stats, rttMs: 23.4, drawnBy: "webgl" }, IDLE_STATE);
    expect([known.get("Round trip"), known.get("Drawn by")]).toEqual(["23 ms", "WebGL"]);
    const explained = rowsOf({ ...stats, rttMs: 23.4 }, IDLE_STATE).filter(({ about }) => about !== "");
    expect(explained.map(({ name }) => name)).toEqual(["Latency", "Round trip"]);
});

test("keys do what the focus leaves to them", () => {
    const press = (key: string, focus: Focus = "picture", more = {}) =>
        commandOf({ key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...more }, focus);
    expect([" ", "k", "K", "m", "f", "p", "i", "ArrowUp", "Escape", "x"].map((key) => press(key))).toEqual([
        "play",
        "play",
        "play",
        "mute",
        "fullscreen",
        "picture-in-picture",
        "statistics",
        "louder",
        "close",
        undefined,
    ]);
    // Ctrl+F searches the page.
    expect(press("f", "picture", { ctrlKey: true })).toBeUndefined();
    expect(press(" ", "button")).toBeUndefined();
    expect(press("k", "button")).toBe("play");
    expect(press("k", "field")).toBeUndefined();
    expect(press("ArrowUp", "field")).toBeUndefined();
    expect(press("Escape", "field")).toBe("close");
    expect(press("k", "picture", { repeat: true })).toBeUndefined();
    expect(press("ArrowDown", "picture", { repeat: true })).toBe("quieter");
    expect(press("constructor")).toBeUndefined();
});
