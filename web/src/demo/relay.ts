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

/**
 * The relay's address for players, with the token of the page's address (?jwt=), which a viewer was sent. Undefined: what the page's
 * address names is none.
 */
export function relayOf(page: URL, about: AboutRelay | undefined): URL | undefined {
    const named = page.searchParams.get("relay");
    const address = named ?? page.origin;
    if (!URL.canParse(address)) return undefined;
    const relay = new URL(address);
    if (!/^https?:$/.test(relay.protocol)) return undefined;
    relay.pathname = "/";
    if (!named && about) {
        relay.port = String(about.port);
        relay.protocol = about.isSelfSigned && page.protocol === "http:" ? "http:" : relay.protocol;
    }
    const token = page.searchParams.get("jwt");
    if (token) relay.searchParams.set("jwt", token);
    return relay;
}

export async function findRelay(page: URL): Promise<URL | undefined> {
    const answer = await fetch(new URL("/api/relay", page)).catch(() => undefined);
    const about: unknown = answer?.ok ? await answer.json().catch(() => undefined) : undefined;
    return relayOf(page, readAboutRelay(about));
}
