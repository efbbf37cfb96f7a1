// SPDX-License-Identifier: MIT OR Apache-2.0
// A frame of a media track: its presentation time in microseconds as a varint, then the sample.
import { readVarint, varintSize, writeVarint } from "../base/varint.ts";
import type { MediaFrame } from "./types.ts";

/** Throws RangeError if the time is cut off or beyond what a number holds. The data stay where they are. */
export function readMediaFrame(bytes: Uint8Array): MediaFrame {
    const time = readVarint(bytes, 0);
    if (!time) throw new RangeError("a frame ends inside its time");
    return { timeUs: time.value, data: bytes.subarray(time.end) };
}

/** Throws RangeError for a time below zero. */
export function writeMediaFrame(timeUs: number, data: Uint8Array): Uint8Array {
    const size = varintSize(timeUs);
    const bytes = new Uint8Array(size + data.length);
    writeVarint(new DataView(bytes.buffer), 0, timeUs);
    bytes.set(data, size);
    return bytes;
}
