// SPDX-License-Identifier: MIT OR Apache-2.0
// Sessions of ours with each other, over the wire in memory. Tests that use it fail if any promise is left without a handler.
import { afterAll, expect } from "vitest";
import { joinBytes } from "../../src/base/bytes.ts";
import { type ConnectOptions, connect } from "../../src/transfork/connect.ts";
import { encode } from "../../src/transfork/field.ts";
import { type Exchange, exchangeOf } from "../../src/transfork/link.ts";
import { sessionClient, sessionServer, streamType } from "../../src/transfork/messages.ts";
import { createMeter } from "../../src/transfork/reader.ts";
import { openSession } from "../../src/transfork/session.ts";
import { createTrack } from "../../src/transfork/track.ts";
import type { Gap, Session, Subscription, Track, Version, Wish } from "../../src/transfork/types.ts";
import { versionByWire } from "../../src/transfork/version.ts";
import { createWire, type FakeTransport, type WireOptions } from "./wire.ts";

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterAll(async () => {
    await settle();
    expect(unhandled).toEqual([]);
});

/** Lets everything happen that does not wait for a timer. */
export async function settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits until `condition` holds; only a failing test waits to the end. */
export async function until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!condition()) {
        if (performance.now() > deadline) throw new Error(`in vain: ${condition}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
    }
}

/** What a server does with each connection; `url` and `options` are those of the client. */
export type Server = (end: FakeTransport, url: string, options: WebTransportOptions) => void;

/** Replaces the browser's WebTransport: each new one is connected to `server`. */
export function serveWith(server: Server, options: WireOptions = {}): void {
    function Fake(url: string, given: WebTransportOptions) {
        const [here, there] = createWire(options);
        server(there, url, given);
        return here;
    }
    Object.assign(globalThis, { WebTransport: Fake });
}

export function asTransport(end: FakeTransport): WebTransport {
    return end as unknown as WebTransport;
}

const SERVED = new URL("https://client.example/");

/** Takes the session stream, answers it, and leaves all other streams to the session. `pick`: another version than the first. */
export async function acceptSession(end: FakeTransport, pick?: number): Promise<Session> {
    const meter = createMeter();
    const streams = end.incomingBidirectionalStreams.getReader();
    const { value } = await streams.read();
    streams.releaseLock();
    if (!value) throw new Error("the client went away");
    const control: Exchange = exchangeOf({ meter }, value);
    await control.reader.message(streamType);
    const offer = await control.reader.message(sessionClient);
    const row = versionByWire(pick ?? offer?.versions[0] ?? 0);
    if (!row) throw new Error("nothing in common");
    await control.writer.write(joinBytes(encode(sessionServer, { version: row.wire, extensions: [] })));
    return openSession(asTransport(end), SERVED, { row, control, meter });
}

export interface Pair {
    client: Session;
    server: Session;
    clientEnd: FakeTransport;
    serverEnd: FakeTransport;
}

/** Two sessions that are connected and speak `version`. */
export async function openPair(version: Version, wire: WireOptions = {}, more: ConnectOptions = {}): Promise<Pair> {
    let accepted: Promise<Session> | undefined;
    let serverEnd: FakeTransport | undefined;
    serveWith((end) => {
        serverEnd = end;
        accepted = acceptSession(end);
    }, wire);
    const client = await connect("https://relay.example/demo", { versions: [version], ...more });
    if (!accepted || !serverEnd) throw new Error("nobody connected");
    return { client, server: await accepted, clientEnd: serverEnd.peer, serverEnd };
}

export const WISH: Wish = { priority: 0, order: "newest", expiresMs: 0 };

export interface Watched {
    track: Track;
    subscription: Subscription;
    /** What the viewer was told that it misses. */
    gaps: Gap[];
}

/** A track of the server that the client watches. */
export async function watchTrack(
    { client, server }: Pick<Pair, "client" | "server">,
    name: string,
    wish = WISH,
): Promise<Watched> {
    const track = createTrack([name]);
    server.publish(track);
    const gaps: Gap[] = [];
    const subscription = client.subscribe([name], wish);
    subscription.onGap = (gap) => gaps.push(gap);
    await until(() => track.viewers === 1);
    return { track, subscription, gaps };
}
