// SPDX-License-Identifier: MIT OR Apache-2.0
// The codec against the vectors that the C tests read too.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TransforkError } from "../../src/transfork/error.ts";
import { decode, encode } from "../../src/transfork/field.ts";
import { versionByName } from "../../src/transfork/version.ts";
import { type Kind, kindsOf } from "./words.ts";

interface Vector {
    mark: string;
    title: string;
    kind: Kind;
    bytes: Uint8Array;
    words: string;
}

/** Lines in versions that we speak. */
function readVectors(): Vector[] {
    const text = readFileSync(new URL("../../../tests/vectors/transfork.txt", import.meta.url), "utf-8");
    const vectors: Vector[] = [];
    for (const line of text.split("\n")) {
        if (!line || line.startsWith("#")) continue;
        const [head = "", versions = "", bytes = "", words = ""] = line.split("|").map((column) => column.trim());
        for (const version of versions.split(" ")) {
            const row = versionByName(version);
            const kind = row && kindsOf(row)[head.slice(2).trim()];
            if (row && !kind) throw new Error(`no such kind: ${line}`);
            const hex = bytes.replaceAll(" ", "").match(/../g) ?? [];
            const read = Uint8Array.from(hex, (pair) => Number.parseInt(pair, 16));
            if (kind) vectors.push({ mark: head.slice(0, 1), title: `${version} ${line}`, kind, bytes: read, words });
        }
    }
    return vectors;
}

const vectors = readVectors();
const marked = (marks: string) => vectors.filter(({ mark }) => marks.includes(mark));
/** Numbers above 2^53 - 1, which we refuse. */
const isWide = ({ words }: Vector) => (words.match(/\d+/g) ?? []).some((number) => !Number.isSafeInteger(+number));

function codeOfRefusal({ kind, bytes }: Vector): number | undefined {
    try {
        decode(kind.field, bytes);
        return undefined;
    } catch (error) {
        return error instanceof TransforkError ? error.code : -1;
    }
}

describe("the vectors of tests/vectors/transfork.txt", () => {
    it("are all there", () => {
        expect(marked("=").length).toBeGreaterThan(80);
        expect(marked("!").length).toBeGreaterThan(25);
        expect(vectors.filter(isWide).length).toBeGreaterThan(3);
    });

    it.each(marked("=~"))("decode to what they mean: $title", (vector) => {
        if (isWide(vector)) return expect(codeOfRefusal(vector)).toBe(11);
        const got = decode(vector.kind.field, vector.bytes);
        expect(got?.used).toBe(vector.bytes.length);
        expect(vector.kind.words(got?.value)).toBe(vector.words);
    });

    it.each(marked("=").filter((vector) => !isWide(vector)))("encode to the same bytes: $title", ({ kind, bytes }) => {
        expect(encode(kind.field, decode(kind.field, bytes)?.value)).toEqual(bytes);
    });

    it.each(marked("="))("need more bytes wherever they are cut: $title", ({ kind, bytes, ...vector }) => {
        for (let n = 0; n < bytes.length; n++) {
            const cut = { ...vector, kind, bytes: bytes.slice(0, n) };
            if (isWide(cut)) expect([undefined, 11]).toContain(codeOfRefusal(cut));
            else expect(decode(kind.field, cut.bytes)).toBeUndefined();
        }
    });

    it.each(marked("=").filter((vector) => !isWide(vector)))("end where they end: $title", ({ kind, bytes }) => {
        expect(decode(kind.field, Uint8Array.of(...bytes, 0xff))?.used).toBe(bytes.length);
    });

    it.each(marked("!"))("are refused: $title", (vector) => {
        expect(codeOfRefusal(vector)).toBe({ bounds: 11, decode: 5 }[vector.words]);
    });

    it.each(marked("+"))("need more: $title", ({ kind, bytes }) => {
        expect(decode(kind.field, bytes)).toBeUndefined();
    });
});
