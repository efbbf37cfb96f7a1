// SPDX-License-Identifier: MIT OR Apache-2.0
// How sessions begin and end, and that nothing is left of them.
import { afterEach, describe, expect, it, vi } from "vitest";
import { type ConnectOptions, connect } from "../../src/transfork/connect.ts";
import { createTrack } from "../../src/transfork/track.ts";
import { Trust } from "../../src/transfork/trust.ts";
import type { Wish } from "../../src/transfork/types.ts";
import { acceptSession, openPair, serveWith, settle, until } from "./pair.ts";
import type { FakeTransport } from "./wire.ts";

const WISH: Wish = { priority: 0, order: "newest", expiresMs: 0 };

afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
    vi.restoreAllMocks();
});

/** Everything that can be under way in a session, and how each of it ends. */
async function everything(close: (pair: Awaited<ReturnType<typeof openPair>>) => void) {
    const pair = await openPair("03");
    const { client, server } = pair;
    const track = createTrack(["clock"]);
    server.publish(track);
    track.openGroup().writeFrame(new Uint8Array(3));
    const running = client.subscribe(["clock"], WISH);
    await running.info;
    const fetched = client.fetch(["clock"], 0);
    await fetched.readFrame();
    const over = (async () => {
        for await (const _ of client.announced([]));
        for await (const _ of running.groups);
        return "over";
    })();
    await settle();
    const codeOf = (error: { code: number }) => error.code;
    const ends = [running.ended, fetched.readFrame().catch(codeOf), client.info(["clock"]).catch(codeOf), over];
    close(pair);
    const [ended, ...others] = await Promise.all(ends);
    expect(await client.closed).toBeDefined();
    await until(() => track.viewers === 0);
    await expect(client.info(["clock"])).rejects.toBeDefined();
    const late = client.subscribe(["clock"], WISH);
    await late.ended;
    expect([pair.clientEnd.pipes, pair.serverEnd.pipes]).toEqual([0, 0]);
    return { ended, others, closed: await client.closed, serverClosed: await server.closed };
}

describe("everything ends", () => {
    it("when we close", async () => {
        const end = await everything(({ client }) => client.close());
        expect(end.ended).toBeUndefined();
        expect(end.others).toEqual([0, 0, "over"]);
        expect(end.closed).toEqual({ code: 0, reason: "", by: "us" });
        expect(end.serverClosed).toEqual({ code: 0, reason: "", by: "peer" });
    });

    it("when the peer closes, with its reason", async () => {
        const end = await everything(({ server }) => server.close(6, "token expired"));
        expect(end.ended).toMatchObject({ code: 6, message: "token expired" });
        expect(end.others).toEqual([6, 6, "over"]);
        expect(end.closed).toEqual({ code: 6, reason: "token expired", by: "peer" });
        expect(end.serverClosed).toEqual({ code: 6, reason: "token expired", by: "us" });
    });

    it("when the network goes away", async () => {
        const end = await everything(({ clientEnd }) => clientEnd.lose());
        expect(end.ended).toMatchObject({ code: 4 });
        expect(end.others).toEqual([4, 4, "over"]);
        expect(end.closed).toMatchObject({ code: 4, by: "network" });
    });
});

describe("a session that cannot be opened", () => {
    const refuse = (closeCode: number, reason: string) =>
        serveWith((end) => queueMicrotask(() => end.close({ closeCode, reason })));

    it("says why the peer refuses", async () => {
        refuse(6, "no token");
        await expect(connect("https://relay.example")).rejects.toMatchObject({ code: 6, message: "no token" });
    });

    it("says that there is no version in common", async () => {
        serveWith((end) => void acceptSession(end, 0xff0bad02));
        const versions = ["03"] as const;
        await expect(connect("https://relay.example", { versions })).rejects.toMatchObject({ code: 9 });
        refuse(9, "unsupported version");
        await expect(connect("https://relay.example")).rejects.toMatchObject({ code: 9 });
    });

    it("says that the peer has left without an answer, which may be better the next time", async () => {
        serveWith(async (end) => {
            const { value } = await end.incomingBidirectionalStreams.getReader().read();
            await value?.writable.close();
        });
        await expect(connect("https://relay.example")).rejects.toMatchObject({
            code: 4,
            message: expect.stringContaining("without"),
        });
    });

    it("gives up what is aborted", async () => {
        const ends: FakeTransport[] = [];
        serveWith((end) => ends.push(end));
        const abort = new AbortController();
        const opening = connect("https://relay.example", { signal: abort.signal });
        opening.catch(() => {});
        await settle();
        abort.abort();
        await expect(opening).rejects.toMatchObject({ code: 0 });
        expect(ends.map((end) => end.hasClosed)).toEqual([true]);
        await expect(connect("https://relay.example", { signal: abort.signal })).rejects.toMatchObject({ code: 0 });
    });

    it.each([["not a URL"], ["relay.example"]])("refuses %s", async (url) => {
        refuse(0, "");
        await expect(connect(url)).rejects.toMatchObject({ name: "TransforkError" });
    });

    it("says that a browser has no WebTransport", async () => {
        vi.stubGlobal("WebTransport", undefined);
        await expect(connect("https://relay.example")).rejects.toMatchObject({ code: 15 });
    });
});

describe("URLs", () => {
    it("carry the token, which nobody sees afterwards", async () => {
        const urls: string[] = [];
        serveWith((end, url) => {
            urls.push(url);
            void acceptSession(end);
        });
        const session = await connect("https://relay.example/a%20b?x=1#y", { token: async () => "se/cret" });
        expect(urls).toEqual(["https://relay.example/a%20b?x=1&jwt=se%2Fcret"]);
        expect(session.url.href).toBe("https://relay.example/a%20b?x=1#y");
        session.close();
    });

    it("of http: lead to the fingerprint first", async () => {
        const asked: string[] = [];
        const answers = [new Response(`${"ab".repeat(32)}\n`), new Response("no", { status: 404 })];
        vi.stubGlobal("fetch", async (url: URL) => {
            asked.push(url.href);
            return answers.shift();
        });
        const seen: unknown[] = [];
        serveWith((end, url, options) => {
            seen.push(url, options.serverCertificateHashes?.[0]?.value);
            void acceptSession(end);
        });
        const session = await connect("http://localhost:4443/demo/x");
        expect(asked).toEqual(["http://localhost:4443/fingerprint"]);
        expect(seen).toEqual(["https://localhost:4443/demo/x", new Uint8Array(32).fill(0xab)]);
        session.close();
        await expect(connect("http://localhost:4443/demo/x")).rejects.toThrow(/no fingerprint/);
    });
});

describe("a certificate that the browser does not know", () => {
    const RELAY = "https://relay.example:4443/demo/x";
    const FINGERPRINT = "ab".repeat(32);
    const open = (options: ConnectOptions = {}) => connect(RELAY, { trust: new Trust(), ...options });
    const asked: string[] = [];
    /** What each try pins. */
    const pins: (Uint8Array | undefined)[] = [];

    /** `answer` is what the page's fetch() of the fingerprint does. */
    function distrust(answer: (signal: AbortSignal) => Promise<Response>, isPinEnough = true) {
        asked.length = pins.length = 0;
        vi.stubGlobal("fetch", (url: URL, { signal }: { signal: AbortSignal }) => {
            asked.push(url.href);
            return answer(signal);
        });
        serveWith((end, _, { serverCertificateHashes: hashes }) => {
            pins.push(hashes?.[0]?.value as Uint8Array | undefined);
            if (hashes && isPinEnough) void acceptSession(end);
            else {
                end.peer.ready = Promise.reject(new Error(`handshake ${pins.length} failed`));
                end.lose();
            }
        });
    }

    it("is pinned if the browser trusts it for HTTPS, and the token is asked for once", async () => {
        distrust(async () => new Response(FINGERPRINT));
        let tokens = 0;
        const session = await open({ token: () => `${++tokens}` });
        expect(asked).toEqual(["https://relay.example:4443/fingerprint"]);
        expect([pins, tokens]).toEqual([[undefined, new Uint8Array(32).fill(0xab)], 1]);
        expect(session.url.href).toBe(RELAY);
        session.close();
    });

    it.each<[string, (signal: AbortSignal) => Promise<Response>]>([
        ["the browser does not let the question through", () => Promise.reject(new TypeError("Failed to fetch"))],
        ["the server has no fingerprint", async () => new Response("no", { status: 404 })],
        ["what it answers is none", async () => new Response("<!doctype html>")],
    ])("is the end if %s, and the first error is told", async (_, answer) => {
        distrust(answer);
        await expect(open()).rejects.toMatchObject({ code: 4, message: "no session: handshake 1 failed" });
        expect([asked.length, pins]).toEqual([1, [undefined]]);
    });

    it("is tried with a pin once, and if that fails too the first error is told", async () => {
        distrust(async () => new Response(FINGERPRINT), false);
        await expect(open()).rejects.toThrow("no session: handshake 1 failed");
        expect([asked.length, pins.length]).toEqual([1, 2]);
    });

    it("is asked for with nobody's patience but a short one", async () => {
        vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
        vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
            const late = new AbortController();
            setTimeout(() => late.abort(), ms);
            return late.signal;
        });
        const silence = (signal: AbortSignal) =>
            new Promise<Response>((_, reject) => signal.addEventListener("abort", () => reject(new Error("late"))));
        distrust(silence);
        const opening = open();
        opening.catch(() => {});
        await settle();
        expect(asked.length).toBe(1);
        await vi.advanceTimersByTimeAsync(2000);
        vi.useRealTimers();
        await expect(opening).rejects.toThrow("no session: handshake 1 failed");
        expect(pins.length).toBe(1);
    });

    it("is not asked for by who is gone", async () => {
        const abort = new AbortController();
        distrust((signal) => {
            abort.abort();
            return signal.aborted ? Promise.reject(signal.reason) : Promise.resolve(new Response(FINGERPRINT));
        });
        await expect(open({ signal: abort.signal })).rejects.toMatchObject({ code: 0 });
        expect(pins.length).toBe(1);
    });

    it("is not thought of where the hash is given", async () => {
        distrust(async () => new Response(FINGERPRINT), false);
        await expect(open({ certificateHash: "cd".repeat(32) })).rejects.toThrow("handshake 1");
        expect([asked.length, pins]).toEqual([0, [new Uint8Array(32).fill(0xcd)]]);
    });
});

it("a hundred sessions leave nothing behind", async () => {
    for (let i = 0; i < 100; i++) {
        const { client, server, clientEnd, serverEnd } = await openPair(i % 2 ? "02" : "03");
        const track = createTrack(["clock"]);
        server.publish(track);
        track.openGroup().writeFrame(new Uint8Array(10));
        const subscription = client.subscribe(["clock"], WISH);
        for await (const group of subscription.groups) {
            await group.readFrame();
            break;
        }
        client.close();
        await Promise.all([server.closed, subscription.ended]);
        await until(() => track.viewers === 0);
        expect([clientEnd.pipes, serverEnd.pipes]).toEqual([0, 0]);
    }
});
