// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { LiveList } from "../../src/demo/live.ts";

function listOf(...active: string[]): LiveList {
    const list = new LiveList();
    for (const path of active) list.add({ kind: "active", path: path.split("/") });
    return list;
}

test("a broadcast is a path with an instance; its newest counts", () => {
    const list = listOf("b/x/999", "b/x/1000", "b/x/1000/video1", "b/x/1000/audio2", "a/7");
    expect(list.list()).toEqual({
        broadcasts: [
            { path: "a", instance: "7" },
            { path: "b/x", instance: "1000" },
        ],
        tracks: [],
    });
    expect(list.add({ kind: "ended", path: ["b", "x", "1000"] })).toBe(true);
    expect(list.list().broadcasts[1]).toEqual({ path: "b/x", instance: "999" });
});

test("tracks that belong to no broadcast are listed apart", () => {
    expect(listOf("demo/clock", "demo/bbb/5", "demo/bbb/5/video1", "12").list().tracks).toEqual(["12", "demo/clock"]);
});

test("what is known already, or was never there, changes nothing", () => {
    const list = listOf("a/1");
    expect(list.add({ kind: "active", path: ["a", "1"] })).toBe(false);
    expect(list.add({ kind: "ended", path: ["a", "2"] })).toBe(false);
    expect(list.add({ kind: "live" })).toBe(false);
    list.clear();
    expect(list.list()).toEqual({ broadcasts: [], tracks: [] });
});
