// SPDX-License-Identifier: MIT OR Apache-2.0
// The places of the demo page, which its address names after the #, so that each can be linked and the back button works. Paths are
// as pathToText writes them: an address can have them as they are.
import { pathOfText } from "../transfork/index.ts";

export type Place =
    | { kind: "watch"; path: string }
    | { kind: "compare"; path: string }
    | { kind: "track"; path: string }
    | { kind: "publish"; path: string };

/** Undefined: the address names none. */
export function placeOfHash(hash: string): Place | undefined {
    const found = /^#\/(watch|compare|track|publish)(?:\/(.*))?$/.exec(hash);
    if (!found) return undefined;
    const kind = found[1] as Place["kind"];
    const path = found[2] ?? "";
    return path || kind === "publish" ? { kind, path } : undefined;
}

export function hashOfPlace(place: Place): string {
    return `#/${place.kind}${place.path && `/${place.path}`}`;
}

/** The address of a broadcast on the relay at `relay`, for players and publishers. */
export function urlOfPath(relay: URL, path: string): string {
    const url = new URL(relay);
    url.pathname = `/${path}`;
    url.hash = "";
    return url.href;
}

/** A path for people: letters of all languages as they are, and nothing that hides or turns the others. */
export function showPath(path: string): string {
    return pathOfText(path).join("/").replaceAll(/\p{C}/gu, "\u00b7");
}
