// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { readMediaFrame, writeMediaFrame } from "../../src/karp/frame.ts";

// docs/media.md, and the group of the protocol's description.
test.each([
    [33333, "80008235"],
    [1000000, "800f4240"],
    [1736899200000000, "c0062bb35bd3a000"],
    [0, "00"],
])("a frame at %d begins with %s", (timeUs, hex) => {
    const frame = writeMediaFrame(timeUs, Uint8Array.of(0xaa, 0xbb));
    expect(Array.from(frame, (byte) => byte.toString(16).padStart(2, "0")).join("")).toBe(`${hex}aabb`);
    expect(readMediaFrame(frame)).toEqual({ timeUs, data: Uint8Array.of(0xaa, 0xbb) });
});

test("a frame may be empty, but for its time", () => {
    expect(readMediaFrame(Uint8Array.of(5))).toEqual({ timeUs: 5, data: new Uint8Array() });
    expect(() => readMediaFrame(new Uint8Array())).toThrow(RangeError);
    expect(() => readMediaFrame(Uint8Array.of(0x40))).toThrow(RangeError);
    expect(() => readMediaFrame(new Uint8Array(8).fill(0xff))).toThrow(RangeError);
    expect(() => writeMediaFrame(-1, new Uint8Array())).toThrow(RangeError);
});
