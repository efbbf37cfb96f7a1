// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, it } from "vitest";
import { checkPath, pathOfText, pathOfUrl, pathToText, startsWith } from "../../src/transfork/path.ts";

describe("the path of a URL", () => {
    it.each([
        ["https://relay.example/demo/bbb", ["demo", "bbb"]],
        ["https://relay.example/demo/bbb?jwt=a/b#c/d", ["demo", "bbb"]],
        ["https://relay.example", [""]],
        ["https://relay.example/", [""]],
        ["https://relay.example//a", ["", "a"]],
        ["https://relay.example/a/", ["a", ""]],
        ["https://relay.example/a%20b/%2f", ["a%20b", "%2f"]],
        ["https://relay.example/a{20}b/{c3a4}", ["a b", "ä"]],
        ["https://relay.example/{}/{2g}/{}x", ["", "%7B2g%7D", "x"]],
    ])("%s is %j", (url, path) => {
        expect(pathOfUrl(url)).toEqual(path);
        expect(pathOfUrl(new URL(url))).toEqual(path);
    });
});

describe("a path as text", () => {
    it.each([
        [[], ""],
        [[""], "{}"],
        [["", "b"], "{}/b"],
        [["demo", "", "b", ""], "demo//b/"],
        [["a%20b", "100%"], "a%20b/100%"],
        [["a bä?"], "a{20}b{c3a43f}"],
        [["{", "a/b", "\\|~"], "{7b}/a{2f}b/{5c7c}~"],
        [[".", "..", "%2E.", "..."], "{2e}/{2e2e}/{2532452e}/..."],
        [["%7B41%7D", "%7b", "%41"], "{25}7B41{25}7D/{25}7b/%41"],
        [["\u{1f600}"], "{f09f9880}"],
    ])("%j is %s", (path, text) => {
        expect(pathToText(path)).toBe(text);
    });

    it("leads back to the path as part of a URL", () => {
        for (const path of [
            ["a b", "ä{}"],
            ["", "x"],
            ["%41", "\u{1f600}\n"],
            ["..", "%2e%2E", "a\\b", "x^|y", "%7B41%7D", "<script>", ""],
            Array.from({ length: 31 }, (_, i) =>
                String.fromCharCode(...Array.from({ length: 8 }, (_, k) => i * 8 + k)),
            ),
        ]) {
            expect(pathOfUrl(`https://relay.example/${pathToText(path)}`)).toEqual(path);
            expect(pathOfText(pathToText(path))).toEqual(path);
        }
    });
});

describe("prefixes and limits", () => {
    it("counts whole parts", () => {
        expect(startsWith(["demo", "bbb"], [])).toBe(true);
        expect(startsWith(["demo", "bbb"], ["demo"])).toBe(true);
        expect(startsWith(["demo"], ["demo", "bbb"])).toBe(false);
        expect(startsWith(["demonstration"], ["demo"])).toBe(false);
    });

    it("refuses what no peer would accept", () => {
        checkPath(new Array(32).fill("x"), 1);
        checkPath(["ä".repeat(511), "x"], 1);
        expect(() => checkPath(new Array(33).fill("x"), 1)).toThrow(/32 parts/);
        expect(() => checkPath(["ä".repeat(512)], 1)).toThrow(/1023 bytes/);
        expect(() => checkPath([], 1)).toThrow(/name/);
    });
});
