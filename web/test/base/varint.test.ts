// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { readVarint, varintSize, writeVarint } from "../../src/base/varint.ts";

// RFC 9000, appendix A.1, and the times of docs/media.md.
const VECTORS: [number, string][] = [
    [0, "00"],
    [37, "25"],
    [63, "3f"],
    [64, "4040"],
    [15293, "7bbd"],
    [16383, "7fff"],
    [16384, "80004000"],
    [494878333, "9d7f3e7d"],
    [1073741823, "bfffffff"],
    [1073741824, "c000000040000000"],
    [1736899200000000, "c0062bb35bd3a000"],
    [Number.MAX_SAFE_INTEGER, "c01fffffffffffff"],
];

function bytesOf(hex: string): Uint8Array {
    return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

describe("varint", () => {
    test.each(VECTORS)("%d is %s", (value, hex) => {
        const bytes = bytesOf(hex);
        expect(readVarint(bytes, 0)).toEqual({ value, end: bytes.length });
        const written = new Uint8Array(varintSize(value));
        expect(writeVarint(new DataView(written.buffer), 0, value)).toBe(bytes.length);
        expect(written).toEqual(bytes);
    });

    test("is not there while a byte is missing", () => {
        for (const [, hex] of VECTORS)
            for (let n = 0; n < hex.length / 2; n++) expect(readVarint(bytesOf(hex).subarray(0, n), 0)).toBeUndefined();
    });

    test("of a longer form is accepted", () => {
        expect(readVarint(bytesOf("4025"), 0)).toEqual({ value: 37, end: 2 });
    });

    test("over 53 bits is an error, in both directions", () => {
        expect(() => readVarint(bytesOf("c020000000000000"), 0)).toThrow(RangeError);
        expect(() => writeVarint(new DataView(new ArrayBuffer(8)), 0, 2 ** 53)).toThrow(RangeError);
        expect(() => writeVarint(new DataView(new ArrayBuffer(8)), 0, -1)).toThrow(RangeError);
    });
});
