// SPDX-License-Identifier: MIT OR Apache-2.0
// Variable-length integers of QUIC (RFC 9000, section 16). Numbers above 2^53 - 1 have no place in a JavaScript number: reading
// one is an error of range, not a wrong value.

/** Bytes that the number takes in its shortest form. */
export function varintSize(value: number): number {
    if (value < 0x40) return 1;
    if (value < 0x4000) return 2;
    return value < 0x40000000 ? 4 : 8;
}

/** Writes the shortest form at `at`; returns where it ends. The caller has made room. */
export function writeVarint(view: DataView, at: number, value: number): number {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a whole number of 53 bits`);
    const size = varintSize(value);
    if (size === 1) view.setUint8(at, value);
    else if (size === 2) view.setUint16(at, 0x4000 | value);
    else if (size === 4) view.setUint32(at, 0x80000000 + value);
    else {
        view.setUint32(at, 0xc0000000 + Math.floor(value / 2 ** 32));
        view.setUint32(at + 4, value >>> 0);
    }
    return at + size;
}

/** How many bytes the number that begins with this byte takes. */
export function sizeFromFirstByte(byte: number): number {
    return 1 << (byte >> 6);
}

/** Reads one at `at`; undefined: it is not all there. Throws RangeError for more than 53 bits. */
export function readVarint(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
    const first = bytes[at];
    if (first === undefined) return undefined;
    const end = at + sizeFromFirstByte(first);
    if (end > bytes.length) return undefined;
    let value = first & 0x3f;
    for (let i = at + 1; i < end; i++) value = value * 256 + (bytes[i] ?? 0);
    if (!Number.isSafeInteger(value)) throw new RangeError("a number of more than 53 bits");
    return { value, end };
}
