// SPDX-License-Identifier: MIT OR Apache-2.0
// How sessions begin and end, and that nothing is left of them.
import { afterEach, describe, expect, it, vi } from "vitest";
import { connect } from "../../src/transfork/connect.ts";
import { createTrack } from "../../src/transfork/track.ts";
import type { Wish } from "../../src/transfork/types.ts";
import { acceptSession, openPair, serveWith, settle, until } from "./pair.ts";
import type { FakeTransport } from "./wire.ts";

const WISH: Wish = { priority: 0, order: "newest", expiresMs: 0 };

afterEach(() => {
    vi.unstubAllGlobals();
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
