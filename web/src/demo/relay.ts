// SPDX-License-Identifier: MIT OR Apache-2.0
// Where the relay of this page is: the parameter `relay` of the address; else the server of the page, on the port that its
// /api/relay tells, or on the same one.

interface AboutRelay {
    /** UDP port of the first listener. */
    port: number;
    /** Its certificate is of its own making, so a browser has to pin it. */
    isSelfSigned: boolean;
}

/** Undefined where the server is no relay or an older one. */
export function readAboutRelay(value: unknown): AboutRelay | undefined {
    if (typeof value !== "object" || value === null) return undefined;
    const { port, self_signed: isSelfSigned } = value as Record<string, unknown>;
    if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65535) return undefined;
    return { port, isSelfSigned: isSelfSigned === true };
}

/** Addresses of a relay, with the token of the page's address (?jwt=), which a viewer was sent. */
export interface RelayAddresses {
    /** For players in this page. One that came by https: may not ask by http:, and finds out by itself whether to pin. */
    players: URL;
    /** For programs, which know of no exception that a visitor of the page has made. */
    programs: URL;
}

/** Undefined: what the page's address names is no relay. */
export function relayOf(page: URL, about: AboutRelay | undefined): RelayAddresses | undefined {
    const named = page.searchParams.get("relay");
    const address = named ?? page.origin;
    if (!URL.canParse(address)) return undefined;
    const relay = new URL(address);
    if (!/^https?:$/.test(relay.protocol)) return undefined;
    relay.pathname = "/";
    const token = page.searchParams.get("jwt");
    if (token) relay.searchParams.set("jwt", token);
    if (named || !about) return { players: relay, programs: relay };
    const pinned = new URL(relay);
    if (about.isSelfSigned) pinned.protocol = "http:";
    // After the protocol, which drops the port if it is its own.
    relay.port = pinned.port = String(about.port);
    return { players: page.protocol === "http:" ? pinned : relay, programs: pinned };
}

export async function findRelay(page: URL): Promise<RelayAddresses | undefined> {
    const answer = await fetch(new URL("/api/relay", page)).catch(() => undefined);
    const about: unknown = answer?.ok ? await answer.json().catch(() => undefined) : undefined;
    return relayOf(page, readAboutRelay(about));
}
