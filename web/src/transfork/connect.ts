// SPDX-License-Identifier: MIT OR Apache-2.0
// Opens a session: from a URL to a peer that has agreed to a version.
// Tested by web/test/transfork/session.test.ts.
import { joinBytes } from "../base/bytes.ts";
import { within } from "../base/wait.ts";
import { CODE, errorOf, ignore, TransforkError } from "./error.ts";
import { encode } from "./field.ts";
import { exchangeOf } from "./link.ts";
import { STREAM, sessionClient, sessionServer, streamType } from "./messages.ts";
import { createMeter } from "./reader.ts";
import { type Greeted, openSession } from "./session.ts";
import { sharedTrust, type Trust } from "./trust.ts";
import type { Session, Version } from "./types.ts";
import { ALL_VERSIONS, type VersionRow, versionByName, versionByWire } from "./version.ts";

/** For each step until the session is open. */
const PATIENCE_MS = 10_000;
/** A relay that refuses a page resets its stream first, and tells why when it ends the session 0.3 s later. */
const REASON_MS = 1000;

export interface ConnectOptions {
    /** Sent as `?jwt=`. A function is asked each time. */
    token?: string | (() => string | Promise<string>);
    /** What may be spoken, the preferred one first. */
    versions?: readonly Version[];
    signal?: AbortSignal;
    /** SHA-256 of the one certificate that is accepted, in hexadecimal; for certificates of at most 14 days. */
    certificateHash?: string;
    /** What earlier sessions have found out about certificates; by default those of this page or worker. */
    trust?: Trust;
}

/**
 * Of an `https:` URL, the certificate is one that the browser trusts, or whose hash is given; if it is neither, the hash is read from
 * `https://host:port/fingerprint`, which a browser lets through where the visitor has made an exception. Of `http://host:port/path`, it
 * is read from `http://host:port/fingerprint` first. Rejects with TransforkError.
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<Session> {
    let transport: WebTransport | undefined;
    const { signal } = options;
    const abort = () => {
        try {
            transport?.close();
        } catch {
            // It is closed already.
        }
    };
    signal?.addEventListener("abort", abort);
    try {
        const given = new URL(url);
        const versions = options.versions ?? ALL_VERSIONS;
        const target = await targetOf(given, options);
        const begin = async (fingerprint?: string): Promise<WebTransport> => {
            signal?.throwIfAborted();
            transport = openTransport(target, fingerprint);
            // It counts as looked at: what is thrown below says more.
            transport.closed.catch(ignore);
            await inTime(
                transport.ready.then(() => true),
                "the server does not answer",
            );
            return transport;
        };
        const ask = (timeMs: number) => readFingerprint(given, timeMs, signal);
        let opened: WebTransport;
        if (options.certificateHash) opened = await begin(options.certificateHash);
        else if (given.protocol === "http:") opened = await begin(await ask(PATIENCE_MS));
        else opened = await (options.trust ?? sharedTrust).open(target.origin, begin, ask);
        const greeted = await inTime(greet(opened, versions), "the server does not answer as a relay would");
        signal?.throwIfAborted();
        return openSession(opened, given, greeted);
    } catch (error) {
        const failure = await reasonOf(transport, error);
        abort();
        throw signal?.aborted ? new TransforkError(CODE.cancelled) : failure;
    } finally {
        signal?.removeEventListener("abort", abort);
    }
}

async function inTime<T>(promise: Promise<T>, words: string): Promise<T> {
    const got = await within(promise, PATIENCE_MS);
    if (got === undefined) throw new TransforkError(CODE.failed, words);
    return got;
}

async function targetOf(url: URL, { token }: ConnectOptions): Promise<URL> {
    const target = new URL(url);
    if (url.protocol === "http:") target.protocol = "https:";
    const text = typeof token === "function" ? await token() : token;
    if (text) target.searchParams.set("jwt", text);
    target.hash = "";
    return target;
}

async function readFingerprint(url: URL, timeMs: number, signal: AbortSignal | undefined): Promise<string> {
    const place = new URL("/fingerprint", url);
    const late = AbortSignal.timeout(timeMs);
    const answer = await fetch(place, { cache: "no-store", signal: signal ? AbortSignal.any([signal, late]) : late });
    const text = answer.ok ? (await answer.text()).trim() : "";
    if (!/^[0-9a-f]{64}$/i.test(text)) throw new TransforkError(CODE.failed, `there is no fingerprint at ${place}`);
    return text;
}

function openTransport(url: URL, hash: string | undefined): WebTransport {
    if (typeof WebTransport === "undefined")
        throw new TransforkError(CODE.protocol, "this browser, or a page without HTTPS, has no WebTransport");
    const options: WebTransportOptions = { congestionControl: "low-latency" };
    if (hash) {
        const value = Uint8Array.from(hash.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
        options.serverCertificateHashes = [{ algorithm: "sha-256", value }];
    }
    try {
        return new WebTransport(url.href, options);
    } catch (error) {
        throw new TransforkError(CODE.protocol, errorOf(error, "the URL cannot be used").message);
    }
}

/** The session's own stream comes before all others. */
async function greet(transport: WebTransport, versions: readonly Version[]): Promise<Greeted> {
    const rows = versions.map(versionByName).filter((row): row is VersionRow => row !== undefined);
    const meter = createMeter();
    // The link of a session begins with what the greeting finds; this stream needs the meter only.
    const control = exchangeOf({ meter }, await transport.createBidirectionalStream());
    const offer = { versions: rows.map((row) => row.wire), extensions: [] };
    // If the relay refuses us here, Chromium tells the code to who reads, not to who writes.
    control.writer.write(joinBytes(encode(streamType, STREAM.session), encode(sessionClient, offer))).catch(ignore);
    const answer = await control.reader.message(sessionServer);
    if (!answer) throw new TransforkError(CODE.failed, "the server ends the session without an answer");
    const row = versionByWire(answer.version);
    if (!row || !rows.includes(row)) throw new TransforkError(CODE.version);
    return { row, control, meter };
}

/** If the peer has closed the session, its words say more than what failed because of that. */
async function reasonOf(transport: WebTransport | undefined, error: unknown): Promise<TransforkError> {
    const failure = errorOf(error, "no session");
    const closed = transport && (await within(transport.closed, REASON_MS).catch(ignore));
    if (!closed?.closeCode) return failure;
    return new TransforkError(closed.closeCode, closed.reason);
}
