// SPDX-License-Identifier: MIT OR Apache-2.0
import { afterEach, expect, test, vi } from "vitest";
import { Connection, type ConnectionState } from "../../src/transfork/connection.ts";
import { Trust } from "../../src/transfork/trust.ts";
import type { Session } from "../../src/transfork/types.ts";
import { acceptSession, serveWith, until } from "./pair.ts";
import type { FakeTransport } from "./wire.ts";

const peers: Session[] = [];
let connection: Connection | undefined;

afterEach(() => {
    connection?.close();
    peers.length = 0;
});

/** What the connection tells, in order. */
function begin(random = 0, trust?: Trust): ConnectionState[] {
    const states: ConnectionState[] = [];
    const options = { random: () => random, ...(trust ? { trust } : {}) };
    connection = new Connection("https://relay.example/", options, (state) => states.push(state));
    return states;
}

function kinds(states: ConnectionState[]): string {
    return states.map(({ kind }) => kind).join(" ");
}

test("a session that is lost is opened again after a pause", async () => {
    serveWith((end) => void acceptSession(end).then((session) => peers.push(session)));
    const states = begin();
    await until(() => kinds(states) === "connecting open");
    peers[0]?.close(4, "restart");
    await until(() => kinds(states) === "connecting open waiting connecting open");
    expect(states[2]).toMatchObject({ kind: "waiting", error: { code: 4, message: "restart" }, pauseMs: 125 });
});

test("pauses double while it fails, and hurry() ends one", async () => {
    let isUp = false;
    serveWith((end) => {
        if (isUp) void acceptSession(end);
        else end.close({ closeCode: 4, reason: "down" });
    });
    const states = begin(0.5);
    const pauses = () => states.flatMap((state) => (state.kind === "waiting" ? [state.pauseMs] : []));
    await until(() => pauses().length >= 2);
    expect(pauses().slice(0, 2)).toEqual([250, 500]);
    isUp = true;
    connection?.hurry();
    await until(() => states.at(-1)?.kind === "open");
});

test("who is refused does not knock again until asked to", async () => {
    let knocks = 0;
    serveWith((end) => {
        knocks++;
        end.close({ closeCode: 6, reason: "the token has expired" });
    });
    const states = begin();
    await until(() => states.at(-1)?.kind === "refused");
    expect(states.at(-1)).toMatchObject({ error: { code: 6, message: "the token has expired" } });
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(knocks).toBe(1);
    connection?.hurry();
    await until(() => knocks === 2);
});

test("after close nothing more is told", async () => {
    serveWith((end) => void acceptSession(end));
    const states = begin();
    await until(() => states.at(-1)?.kind === "open");
    const session = connection?.session;
    connection?.close();
    await session?.closed;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(kinds(states)).toBe("connecting open");
});

test("when the peer says that it goes, the next session is opened before this one is closed", async () => {
    const ends: FakeTransport[] = [];
    serveWith((end) => {
        ends.push(end);
        void acceptSession(end);
    });
    const states = begin();
    await until(() => states.at(-1)?.kind === "open");
    const first = connection?.session;
    ends[0]?.peer.drain();
    await until(() => connection?.session !== first);
    expect(kinds(states)).toBe("connecting open open");
    expect(ends[0]?.hasClosed).toBe(false);
    await until(() => ends[0]?.hasClosed === true);
    expect(ends[1]?.hasClosed).toBe(false);
});

test("a token that has expired is asked for again once, and at once", async () => {
    const urls: string[] = [];
    serveWith((end, url) => {
        urls.push(url);
        if (urls.length === 3) end.close({ closeCode: 6, reason: "expired" });
        else void acceptSession(end).then((session) => peers.push(session));
    });
    const states: ConnectionState[] = [];
    let number = 0;
    connection = new Connection("https://relay.example/", { token: () => `${++number}` }, (state) =>
        states.push(state),
    );
    await until(() => peers.length === 1 && states.at(-1)?.kind === "open");
    peers[0]?.close(6, "token expired");
    await until(() => peers.length === 2 && states.at(-1)?.kind === "open");
    peers[1]?.close(6, "token expired");
    await until(() => states.at(-1)?.kind === "refused");
    expect(kinds(states)).toBe("connecting open connecting open connecting refused");
    expect(urls.map((url) => url.slice(-5))).toEqual(["jwt=1", "jwt=2", "jwt=3"]);
});

test("what made a browser trust the relay comes first the next time, until it fails", async () => {
    const tries: string[] = [];
    let [isKnown, answer] = [false, "ab".repeat(32)];
    vi.stubGlobal("fetch", async () => new Response(answer));
    serveWith((end, _, { serverCertificateHashes }) => {
        tries.push(serverCertificateHashes ? "pinned" : "plain");
        if (isKnown === !serverCertificateHashes) void acceptSession(end).then((session) => peers.push(session));
        else {
            end.peer.ready = Promise.reject(new Error("the certificate is unknown"));
            end.lose();
        }
    });
    const states = begin(0, new Trust());
    const opens = () => states.filter(({ kind }) => kind === "open").length;
    /** Does not wait for pauses. */
    const soon = (condition: () => boolean) =>
        until(() => {
            connection?.hurry();
            return condition();
        });
    const again = async (change: () => void) => {
        const count = opens();
        await until(() => peers.length === count);
        tries.length = 0;
        change();
        peers.at(-1)?.close(4, "restart");
        await soon(() => opens() === count + 1);
        return tries.join(" ");
    };
    await until(() => opens() === 1);
    expect(tries).toEqual(["plain", "pinned"]);
    expect(await again(() => {})).toBe("pinned");
    // Meanwhile an authority has signed: the pin fails once, and is thought of no more.
    expect(await again(() => (isKnown = true))).toBe("pinned plain");
    expect(await again(() => {})).toBe("plain");
    expect(await again(() => (isKnown = false))).toBe("plain pinned");
    // The relay is gone for a while, and nothing that it is known by is forgotten.
    answer = "";
    connection?.session?.close();
    tries.length = 0;
    await soon(() => tries.length > 1);
    expect(tries).not.toContain("pinned");
    answer = "ab".repeat(32);
    await soon(() => states.at(-1)?.kind === "open");
    expect(tries.filter((one) => one === "pinned").length).toBe(1);
    vi.unstubAllGlobals();
});

test("the network's return ends a pause", async () => {
    const events = new EventTarget();
    vi.stubGlobal("addEventListener", events.addEventListener.bind(events));
    vi.stubGlobal("removeEventListener", events.removeEventListener.bind(events));
    let knocks = 0;
    serveWith((end) => {
        if (++knocks > 1) void acceptSession(end);
        else end.lose();
    });
    const states: ConnectionState[] = [];
    const options = { random: () => 1e6 };
    connection = new Connection("https://relay.example/", options, (state) => states.push(state));
    await until(() => states.at(-1)?.kind === "waiting");
    events.dispatchEvent(new Event("online"));
    await until(() => states.at(-1)?.kind === "open");
    vi.unstubAllGlobals();
});
