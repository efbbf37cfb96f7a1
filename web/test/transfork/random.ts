// SPDX-License-Identifier: MIT OR Apache-2.0
// Random numbers that are the same in every run; MOQ_SEED chooses others.

const { MOQ_SEED = "1" } = process.env;
let state = Number(MOQ_SEED) >>> 0;

/** 0 to `below` - 1. */
export function randomInt(below: number): number {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) % below;
}

export function randomBytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => randomInt(256));
}
