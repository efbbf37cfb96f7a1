// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { hashOfPlace, type Place, placeOfHash, showPath, urlOfPath } from "../../src/demo/places.ts";

test.each<[string, Place]>([
    ["#/watch/demo/bbb", { kind: "watch", path: "demo/bbb" }],
    ["#/compare/demo/bbb", { kind: "compare", path: "demo/bbb" }],
    ["#/track/demo/clock", { kind: "track", path: "demo/clock" }],
    ["#/watch/demo/", { kind: "watch", path: "demo/" }],
    ["#/publish", { kind: "publish", path: "" }],
    ["#/publish/my/show", { kind: "publish", path: "my/show" }],
])("%s is a place, and back", (hash, place) => {
    expect(placeOfHash(hash)).toEqual(place);
    expect(hashOfPlace(place)).toBe(hash);
});

test.each(["", "#", "#/", "#/watch", "#/watch/", "#/nowhere/x", "#watch/x"])("%j is no place", (hash) => {
    expect(placeOfHash(hash)).toBeUndefined();
});

test("a path keeps the query of the relay's address, which may hold a token", () => {
    expect(urlOfPath(new URL("http://localhost:4443/?jwt=abc#/watch/x"), "demo/bbb")).toBe(
        "http://localhost:4443/demo/bbb?jwt=abc",
    );
});

test.each([
    ["demo/bbb", "demo/bbb"],
    ["{c3bc}ber/100%", "\u00fcber/100%"],
    ["{3c}script{3e}", "<script>"],
    ["{e280ae}evil{000a}x", "\u00b7evil\u00b7\u00b7x"],
    ["{2e2e}/a//", "../a//"],
])("people read %s as %s", (path, shown) => {
    expect(showPath(path)).toBe(shown);
});
