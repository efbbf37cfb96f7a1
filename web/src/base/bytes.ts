// SPDX-License-Identifier: MIT OR Apache-2.0
// Bytes in pieces, made one.
// Tested by web/test/transfork/session.test.ts.

/** All parts in new memory, one behind the other. */
export function joinBytes(...parts: Uint8Array[]): Uint8Array {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
        all.set(part, at);
        at += part.length;
    }
    return all;
}
