// SPDX-License-Identifier: MIT OR Apache-2.0
// How a browser comes to trust a relay at an https: URL. WebTransport knows the browser's authorities and nothing else, also where the
// visitor has let a page of the relay through in spite of a warning. That is for HTTPS alone; but over HTTPS the relay tells its
// fingerprint, and who pins that is let in.
import { ignore, TransforkError } from "./error.ts";

/** The fingerprint comes as fast as the page did, or not at all: where nobody serves HTTPS, this is all that the question costs. */
const ASK_MS = 2000;

/**
 * What people can do about a relay at `url` that is up and does not let them in, to go on with after a sentence; "": nothing about its
 * certificate. `origin`: of the page, which may not ask by http: if it came by https:.
 */
export function adviceOf(url: URL, origin: string | undefined = globalThis.origin): string {
    if (url.protocol !== "https:") return "";
    const remedy = origin?.startsWith("https:")
        ? `accept it once at ${url.origin}/fingerprint`
        : "write http: in the address";
    return `; if the relay has a self-signed certificate, ${remedy}`;
}

/** `fingerprint`: of the certificate to pin, 64 hexadecimal digits; undefined: none is pinned. */
type Begin<T> = (fingerprint?: string) => Promise<T>;
type Ask = (timeMs: number) => Promise<string>;

/** What pages tell their workers when these begin, and workers their pages when they find out: whether a relay has to be pinned. */
export interface TrustNews {
    kind: "trust";
    origin: string;
    isPinned: boolean;
}

/**
 * Which relays have to be pinned. Chromium 156 makes a page wait before each handshake, twice as long for each that has failed in the
 * last five minutes, so what one session has found out is for all of the page.
 */
export class Trust {
    readonly #pinned = new Set<string>();
    /** Is told of each change. */
    onNews: (news: TrustNews) => void = () => {};

    get news(): TrustNews[] {
        return [...this.#pinned].map((origin) => ({ kind: "trust", origin, isPinned: true }));
    }

    hear({ origin, isPinned }: TrustNews): void {
        this.#note(origin, isPinned);
    }

    #note(origin: string, isPinned: boolean): void {
        if (this.#pinned.has(origin) === isPinned) return;
        if (isPinned) this.#pinned.add(origin);
        else this.#pinned.delete(origin);
        this.onNews({ kind: "trust", origin, isPinned });
    }

    /**
     * Calls `begin` without a pin, and if that fails with one; where a pin has worked before, with that alone. An authority's certificate
     * can be pinned too if it is valid for at most 14 days; with any other the second try fails, and the error is that of the first.
     */
    async open<T>(origin: string, begin: Begin<T>, ask: Ask): Promise<T> {
        return this.#pinned.has(origin) ? this.#openPinned(origin, begin, ask) : this.#openPlain(origin, begin, ask);
    }

    async #openPlain<T>(origin: string, begin: Begin<T>, ask: Ask): Promise<T> {
        try {
            return await begin();
        } catch (error) {
            // Our own errors, such as that nothing was answered in time, are not about certificates.
            if (error instanceof TransforkError) throw error;
            const fingerprint = await ask(ASK_MS).catch(ignore);
            const opened = fingerprint && (await begin(fingerprint).catch(ignore));
            if (!opened) throw error;
            this.#note(origin, true);
            return opened;
        }
    }

    /** Where the fingerprint does not come, the relay is not there; or nobody serves HTTPS any more, and an authority may have signed. */
    async #openPinned<T>(origin: string, begin: Begin<T>, ask: Ask): Promise<T> {
        const fingerprint = await ask(ASK_MS).catch(ignore);
        try {
            const opened = await begin(fingerprint ?? undefined);
            this.#note(origin, fingerprint !== undefined);
            return opened;
        } catch (error) {
            // The next time begins without a pin, as the first did.
            if (fingerprint) this.#note(origin, false);
            throw error;
        }
    }
}

/** Of this page or worker. */
export const sharedTrust = new Trust();
