// SPDX-License-Identifier: MIT OR Apache-2.0
// Paths: from the URL of a broadcast, as text for people, and their limits.
import { CODE, TransforkError } from "./error.ts";
import type { Path } from "./types.ts";

export const PATH_MAX_PARTS = 32;
/** All parts together. */
export const PATH_MAX_BYTES = 1023;

const toBytes = new TextEncoder();

/** Throws for what no peer would accept. */
export function checkPath(path: Path, leastParts: number): void {
    const bytes = path.reduce((sum, part) => sum + toBytes.encode(part).length, 0);
    if (path.length < leastParts) throw new TransforkError(CODE.bounds, "a track needs a name");
    if (path.length > PATH_MAX_PARTS || bytes > PATH_MAX_BYTES)
        throw new TransforkError(CODE.bounds, `the path is over ${PATH_MAX_PARTS} parts or ${PATH_MAX_BYTES} bytes`);
}

/**
 * The broadcast that a URL names: its path split at slashes. Escapes stay as they are and empty parts count, as in all programs
 * of this kind; a publisher and a viewer that split otherwise would never meet. Bytes in braces are those of `pathToText`.
 */
export function pathOfUrl(url: string | URL): Path {
    return new URL(url).pathname
        .slice(1)
        .split("/")
        .map((part) => part.replace(/%7B((?:[0-9a-f]{2})*)%7D/gi, (_, hex: string) => textOfHex(hex)));
}

function textOfHex(hex: string): string {
    return new TextDecoder().decode(Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
}

/**
 * As the path of a URL. Bytes that a browser's URL cannot have in a part, or would change, are in hexadecimal, in braces; so is an
 * empty first part, and a part that a URL takes for a step up.
 */
export function pathToText(path: Path): string {
    return path.map((part, i) => (i || part ? partToText(part) : "{}")).join("/");
}

function partToText(part: string): string {
    if (/^(?:\.|%2e){1,2}$/i.test(part)) return inBraces(part);
    return part.replace(/(?:[^!-~]|[/?#"<>`{}\\^|]|%(?=7[bd]))+/gi, inBraces);
}

/** Whose text this is. */
export function pathOfText(text: string): Path {
    return pathOfUrl(`https://host/${text}`);
}

function inBraces(text: string): string {
    return `{${Array.from(toBytes.encode(text), (byte) => byte.toString(16).padStart(2, "0")).join("")}}`;
}

export function startsWith(path: Path, prefix: Path): boolean {
    return prefix.every((part, i) => path[i] === part);
}
