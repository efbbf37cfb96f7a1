// SPDX-License-Identifier: MIT OR Apache-2.0
// What a browser or a peer says, made fit for people.
// Tested by web/test/player/words.test.ts.

const REASON_MAX_CHARS = 200;

/** For the middle of a sentence: without its own names for things, and of a length that is read. */
export function plainWords(text: string): string {
    const plain = text
        .replace(/Failed to (?:execute|construct) '[^']*'(?: on '[^']*')?: /g, "")
        .replace(/\p{C}/gu, "\u00b7")
        .replace(/[.\s]+$/, "");
    return plain.length > REASON_MAX_CHARS ? `${plain.slice(0, REASON_MAX_CHARS)}\u2026` : plain;
}
