// SPDX-License-Identifier: MIT OR Apache-2.0
// What a player tells people when something is wrong: what it is, and what to do.
import { plainWords } from "../../base/plain.ts";
import { adviceOf, CODE, FINAL_CODES, type TransforkFailure } from "../../transfork/index.ts";
import type { PlayerError, PlayerErrorCode } from "../state.ts";

/** Names of codecs in a message; there may be as many as a catalog has tracks. */
const NAMES_MAX = 3;

function problem(code: PlayerErrorCode, message: string, isTransient: boolean): PlayerError {
    return { code, message, isTransient };
}

export function badUrl(src: string): PlayerError {
    return problem(
        "bad-url",
        `"${src}" is not the address of a broadcast. One looks like https://relay.example/demo/bbb`,
        false,
    );
}

/** What has to be there before anything can be tried; undefined: all of it. */
export function findObstacle(src: string, scope: typeof globalThis = globalThis): PlayerError | undefined {
    const url = URL.canParse(src) ? new URL(src) : undefined;
    if (!url || !/^https?:$/.test(url.protocol)) return badUrl(src);
    if (url.pathname === "/")
        return problem("bad-url", `"${src}" names no broadcast. Add its path, as in ${url.origin}/demo/bbb`, false);
    const isSecure = scope.isSecureContext;
    if (!("WebTransport" in scope)) {
        const message = isSecure
            ? "This browser has no WebTransport. Use a current Chrome, Edge or Firefox, or Safari from 26.4 on"
            : "WebTransport needs a secure page. Open this page by https, or from localhost";
        return problem("no-webtransport", message, false);
    }
    if (!("VideoDecoder" in scope) && !("AudioDecoder" in scope))
        return problem(
            "no-webcodecs",
            "This browser has no WebCodecs. Update it, or use a current Chrome, Edge or Firefox",
            false,
        );
    return undefined;
}

function unreachable(url: URL, reason: string): PlayerError {
    const why = reason ? ` (${plainWords(reason)})` : "";
    return problem(
        "unreachable",
        `${url.host} does not answer${why}. Trying again; check the address and the network${adviceOf(url)}`,
        true,
    );
}

function refused(reason: string): PlayerError {
    const why = plainWords(reason) || "no valid credentials";
    return problem("refused", `The relay refuses this: ${why}. Check the token and the path of the broadcast`, false);
}

/**
 * Why there is no session. Relays other than ours refuse in a way that browsers hide; an expired token is the one reason that we may know
 * without their words. But this machine's clock may be wrong, so what it says ends nothing.
 */
export function explain(failure: TransforkFailure, url: URL, token: string, wallSeconds: number): PlayerError {
    const { code, message } = failure;
    const expiry = expiryOfToken(token || (url.searchParams.get("jwt") ?? ""));
    const isFinal = FINAL_CODES.includes(code);
    if ((expiry !== undefined && expiry <= wallSeconds) || (code === CODE.unauthorized && /expired/.test(message))) {
        const words = isFinal
            ? "Your access has expired. Get a new token, for example by reloading the page"
            : "Your access has expired, says the clock of this machine. Trying again; get a new token, for example by reloading the page";
        return problem("token-expired", words, !isFinal);
    }
    return isFinal ? refused(message) : unreachable(url, message);
}

export function badCatalog(reason: string): PlayerError {
    return problem(
        "bad-catalog",
        `The publisher describes this broadcast in a way that cannot be read: ${plainWords(reason)}`,
        true,
    );
}

/** `names`: of the codecs that this browser lacks, or cannot configure. */
export function codecMissing(names: readonly string[], isAll: boolean): PlayerError {
    const rest = isAll ? "Use another browser, or publish with another codec" : "The rest of the broadcast plays";
    const shown = names.slice(0, NAMES_MAX).map((name) => plainWords(name) || "a codec without a name");
    if (names.length > NAMES_MAX) shown.push(`${names.length - NAMES_MAX} more`);
    return problem("codec-missing", `This browser cannot decode ${shown.join(" and ")}. ${rest}`, !isAll);
}

export function decodeFailed(codec: string, reason: string): PlayerError {
    const message = `The browser fails to decode ${plainWords(codec)}: ${plainWords(reason)}. Trying again; if it stays so, choose another rendition`;
    return problem("decode", message, true);
}

/** The catalog is fine and has no track. */
export function nothingInside(): PlayerError {
    return problem(
        "no-media",
        "This broadcast has neither picture nor sound now. It goes on by itself when it has",
        true,
    );
}

/** The broadcast is announced, and nothing describes it. */
export function catalogMissing(): PlayerError {
    const message = "This broadcast is announced, but its description does not come. Trying again";
    return problem("track-missing", message, true);
}

/** The catalog has the track, and the relay does not. */
export function trackMissing(name: string, reason: string): PlayerError {
    const message = `"${plainWords(name)}" of this broadcast does not come: ${plainWords(reason)}. Trying again`;
    return problem("track-missing", message, true);
}

export function unreadableFrames(name: string): PlayerError {
    return problem(
        "decode",
        `The publisher sends frames of "${plainWords(name)}" that cannot be read. Trying again`,
        true,
    );
}

/** When a token ends, in seconds since 1970, as it says itself; undefined: it does not, or is none that we can read. */
export function expiryOfToken(token: string): number | undefined {
    const body = token.split(".")[1];
    if (!body) return undefined;
    try {
        const claims: unknown = JSON.parse(atob(body.replace(/-/g, "+").replace(/_/g, "/")));
        if (typeof claims !== "object" || claims === null || !("exp" in claims)) return undefined;
        return typeof claims.exp === "number" ? claims.exp : undefined;
    } catch {
        return undefined;
    }
}
