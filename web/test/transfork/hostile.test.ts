// SPDX-License-Identifier: MIT OR Apache-2.0
// Peers that send anything: whatever comes ends its stream only, nothing waits for ever, and nothing is thrown that nobody catches.
// MOQ_SEED=N tries other bytes.
import { describe, expect, it } from "vitest";
import { joinBytes } from "../../src/base/bytes.ts";
import { TransforkError } from "../../src/transfork/error.ts";
import { encode, varint } from "../../src/transfork/field.ts";
import { readGroup } from "../../src/transfork/group.ts";
import { STREAM } from "../../src/transfork/messages.ts";
import { createMeter, Reader, UNFINISHED_MAX_BYTES } from "../../src/transfork/reader.ts";
import { createTrack } from "../../src/transfork/track.ts";
import type { Wish } from "../../src/transfork/types.ts";
import { versionByName } from "../../src/transfork/version.ts";
import { openPair, settle, until } from "./pair.ts";
import { randomBytes, randomInt } from "./random.ts";
import { FakeError, type FakeTransport } from "./wire.ts";
import { kindsOf } from "./words.ts";

const WISH: Wish = { priority: 0, order: "newest", expiresMs: 0 };
const never = new Promise<never>(() => {});

/** Gives `bytes` in pieces, and then ends or breaks. */
function streamOf(bytes: Uint8Array, isBroken: boolean): ReadableStream<Uint8Array> {
    let at = 0;
    return new ReadableStream({
        pull(controller) {
            if (at < bytes.length) {
                const end = Math.min(bytes.length, at + 1 + randomInt(9));
                controller.enqueue(bytes.slice(at, end));
                at = end;
            } else if (isBroken) controller.error(new FakeError("reset", { source: "stream", streamErrorCode: 7 }));
            else controller.close();
        },
    });
}

function readerOf(bytes: Uint8Array, isBroken = false): Reader {
    return new Reader(streamOf(bytes, isBroken), createMeter());
}

/** Bytes that look like messages more often than noise does. */
function nastyBytes(): Uint8Array {
    const parts = Array.from({ length: 1 + randomInt(6) }, () => {
        if (randomInt(3) === 0) return randomBytes(randomInt(20));
        if (randomInt(2) === 0) return Uint8Array.of(randomInt(6));
        return encode(varint, [0, 1, 2, 63, 64, 1024, 2 ** 24, 2 ** 32, Number.MAX_SAFE_INTEGER][randomInt(9)] ?? 0);
    });
    return joinBytes(...parts);
}

describe.each(["02", "03"] as const)("readers of version %s", (version) => {
    const row = versionByName(version);
    if (!row) throw new Error(version);

    it.each(Object.entries(kindsOf(row)))("end with a value, nothing, or an error: %s", async (_, { field }) => {
        for (let i = 0; i < 300; i++) {
            const reader = readerOf(nastyBytes(), randomInt(2) === 0);
            const results: unknown[] = [];
            while (results.length < 50) {
                const result = await reader.message(field).catch((error) => error);
                results.push(result);
                if (result === undefined || result instanceof Error) break;
            }
            const last = results.at(-1);
            if (last instanceof Error) expect(last).toBeInstanceOf(TransforkError);
        }
    });
});

describe("groups", () => {
    // A group needs of its session only why that has ended.
    const link = { over: never, failure: undefined } as unknown as Parameters<typeof readGroup>[0];
    const group = (bytes: Uint8Array, isBroken = false) =>
        readGroup(link, 0, Promise.resolve({ reader: readerOf(bytes, isBroken) }));

    it("end with all frames, or with an error that stays", async () => {
        for (let i = 0; i < 1000; i++) {
            const reader = group(nastyBytes(), randomInt(2) === 0);
            const readAll = async () => {
                while (await reader.readFrame());
            };
            const error = await readAll().catch((failure) => failure);
            if (error === undefined) continue;
            expect(error).toBeInstanceOf(TransforkError);
            await expect(reader.readFrame()).rejects.toMatchObject({ code: error.code });
        }
    });

    it.each([
        ["is cut within a frame", Uint8Array.of(3, 1, 2), 14],
        ["is cut within a size", Uint8Array.of(0, 0x40), 14],
        ["has a frame over 16 MiB", Uint8Array.of(0x81, 0, 0, 1), 11],
        ["has a frame of 60 bits", Uint8Array.of(0xff, 255, 255, 255, 255, 255, 255, 255), 11],
    ])("fail where one %s", async (_, bytes, code) => {
        const reader = group(bytes);
        const readAll = async () => {
            while (await reader.readFrame());
        };
        await expect(readAll()).rejects.toMatchObject({ code });
    });

    it("claim no memory by a number", async () => {
        const sizes = encode(varint, 16 << 20);
        const before = process.memoryUsage().arrayBuffers;
        const readers = Array.from({ length: 50 }, () => {
            const stalled = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(sizes) });
            return readGroup(link, 0, Promise.resolve({ reader: new Reader(stalled, createMeter()) }));
        });
        const reading = readers.map((reader) => reader.readFrame().catch((error) => error.code));
        await settle();
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
        for (const reader of readers) reader.cancel();
        expect(new Set(await Promise.all(reading))).toEqual(new Set([0]));
    });

    it("that come at once hold a bounded part of memory until their frames are whole", async () => {
        const meter = createMeter();
        const size = 15 << 20;
        const open = () => {
            let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
            const stream = new ReadableStream<Uint8Array>({
                start(controller) {
                    feed = controller;
                    controller.enqueue(joinBytes(encode(varint, size), new Uint8Array(size - 1)));
                },
            });
            const reader = readGroup(link, 0, Promise.resolve({ reader: new Reader(stream, meter) }));
            return { reader, feed, frame: reader.readFrame().catch((error) => error.code) };
        };
        const all = Array.from({ length: 8 }, open);
        await settle();
        expect(meter.unfinished).toBeLessThanOrEqual(UNFINISHED_MAX_BYTES);
        expect(await Promise.all(all.slice(4).map(({ frame }) => frame))).toEqual([11, 11, 11, 11]);
        all[0]?.feed?.enqueue(new Uint8Array(1));
        expect((await all[0]?.frame)?.length).toBe(size);
        const next = open();
        await settle();
        next.feed?.enqueue(new Uint8Array(1));
        expect((await next.frame).length).toBe(size);
        for (const { reader } of all) reader.cancel();
        await Promise.all(all.map(({ frame }) => frame));
        expect(meter.unfinished).toBe(0);
    });

    it("read many small pieces of a large frame in time that grows with its size only", async () => {
        const frame = randomBytes(200_000);
        const reader = group(joinBytes(encode(varint, frame.length), frame));
        expect(Buffer.compare((await reader.readFrame()) ?? new Uint8Array(), frame)).toBe(0);
    });
});

async function throwAt(end: FakeTransport): Promise<void> {
    const bytes = nastyBytes();
    const first = randomInt(2) ? joinBytes(Uint8Array.of(randomInt(5)), bytes) : bytes;
    let writable: WritableStream<Uint8Array>;
    if (randomInt(2)) writable = await end.createUnidirectionalStream();
    else {
        const stream = await end.createBidirectionalStream();
        writable = stream.writable;
        stream.readable.cancel(new FakeError("", { streamErrorCode: randomInt(20) })).catch(() => {});
    }
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    await writer.write(first).catch(() => {});
    if (randomInt(3) === 0) writer.abort(new FakeError("", { streamErrorCode: randomInt(20) })).catch(() => {});
    else writer.close().catch(() => {});
}

describe.each(["02", "03"] as const)("a session of version %s", (version) => {
    it("goes on whatever streams come", async () => {
        const { client, clientEnd, serverEnd, server } = await openPair(version);
        const track = createTrack(["clock"]);
        server.publish(track);
        track.openGroup().writeFrame(Uint8Array.of(1));
        const ours = createTrack(["ours"]);
        client.publish(ours);
        ours.openGroup().writeFrame(Uint8Array.of(2));
        const subscription = client.subscribe(["clock"], WISH);
        const groups = subscription.groups[Symbol.asyncIterator]();
        await groups.next();
        for (let i = 0; i < 2000; i++) await throwAt(serverEnd);
        await until(() => clientEnd.pipes + serverEnd.pipes < 12);
        expect(await client.info(["clock"])).toMatchObject({ latest: 0 });
        expect(await server.info(["ours"])).toMatchObject({ latest: 0 });
        expect(await client.fetch(["clock"], 0).readFrame()).toEqual(Uint8Array.of(1));
        client.close();
        await subscription.ended;
    });

    it("resets a stream of no use with the code that fits", async () => {
        const { client, serverEnd } = await openPair(version);
        const codeOf = async (...bytes: number[]) => {
            const stream = await serverEnd.createBidirectionalStream();
            const writer = stream.writable.getWriter();
            writer.closed.catch(() => {});
            await writer.write(Uint8Array.from(bytes));
            const read = () => stream.readable.getReader().read();
            return read().catch((error) => error.streamErrorCode);
        };
        expect(await codeOf(STREAM.session)).toBe(10);
        expect(await codeOf(5)).toBe(5);
        expect(await codeOf(STREAM.info, 1, 1, 65)).toBe(13);
        expect(await codeOf(STREAM.announce, 33)).toBe(11);
        client.close();
    });
});
