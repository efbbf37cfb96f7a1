// SPDX-License-Identifier: MIT OR Apache-2.0
// Frames and catalogs of tests/vectors/karp.txt, which the C tests read too.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CatalogError, parseCatalog, printCatalog } from "../../src/karp/catalog.ts";
import { readMediaFrame, writeMediaFrame } from "../../src/karp/frame.ts";

const NO_BYTES = new Uint8Array();
const lines = readFileSync(new URL("../../../tests/vectors/karp.txt", import.meta.url), "utf-8")
    .split("\n")
    .filter((line) => line && !line.startsWith("#"))
    .map((line) => line.split("| ").map((column) => column.trim()));

/** The columns after the first, of vectors of a mark and a kind. */
function marked(head: string): [string, string][] {
    const found = lines
        .filter(([first]) => first === head)
        .map(([, one = "", other = ""]): [string, string] => [one, other]);
    if (found.length === 0) throw new Error(`no vectors: ${head}`);
    return found;
}

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const parse = (json: string) => parseCatalog(new TextEncoder().encode(json));

test.each(marked("= frame"))("a frame that begins with %s is at %s", (hex, time) => {
    const bytes = bytesOf(hex);
    expect(writeMediaFrame(Number(time), NO_BYTES)).toEqual(bytes);
    expect(readMediaFrame(bytes)).toEqual({ timeUs: Number(time), data: NO_BYTES });
    for (let n = 0; n < bytes.length; n++) expect(() => readMediaFrame(bytes.subarray(0, n))).toThrow(RangeError);
});

test.each(marked("! frame"))("a frame that begins with %s is refused", (hex) => {
    expect(() => readMediaFrame(bytesOf(hex))).toThrow(RangeError);
});

test.each(marked("= catalog"))("a catalog survives to the byte: %s", (json) => {
    expect(new TextDecoder().decode(printCatalog(parse(json)))).toBe(json);
    for (let n = 0; n < json.length; n++) expect(() => parse(json.slice(0, n))).toThrow(CatalogError);
});

test.each(marked("~ catalog"))("a catalog %s means %s", (json, other) => {
    expect(new TextDecoder().decode(printCatalog(parse(json)))).toBe(other);
});

test.each(marked("! catalog"))("a catalog %s is refused: %s", (json) => {
    expect(() => parse(json)).toThrow(CatalogError);
});
