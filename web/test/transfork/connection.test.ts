// SPDX-License-Identifier: MIT OR Apache-2.0
import { afterEach, expect, test } from "vitest";
import { Connection, type ConnectionState } from "../../src/transfork/connection.ts";
import type { Session } from "../../src/transfork/types.ts";
import { acceptSession, serveWith, until } from "./pair.ts";

const peers: Session[] = [];
let connection: Connection | undefined;

afterEach(() => {
    connection?.close();
    peers.length = 0;
});

/** What the connection tells, in order. */
function begin(random = 0): ConnectionState[] {
    const states: ConnectionState[] = [];
    connection = new Connection("https://relay.example/", { random: () => random }, (state) => states.push(state));
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
