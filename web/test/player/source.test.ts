// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { readMediaFrame, writeMediaFrame } from "../../src/karp/index.ts";
import { MAX_GROUPS_READ, Source } from "../../src/player/engine/source.ts";
import type { Gap, GroupReader, Subscription, TransforkFailure } from "../../src/transfork/index.ts";
import { VIDEO } from "./rig.ts";

type Frame = Uint8Array | undefined | Error;

class FakeGroup implements GroupReader {
    readonly sequence: number;
    isCancelled = false;
    #frames: Frame[] = [];
    #wake: (() => void) | undefined;

    constructor(sequence: number) {
        this.sequence = sequence;
    }

    give(...frames: Frame[]): void {
        this.#frames.push(...frames);
        this.#wake?.();
    }

    async readFrame(): Promise<Uint8Array | undefined> {
        while (this.#frames.length === 0)
            await new Promise<void>((resolve) => {
                this.#wake = resolve;
            });
        const frame = this.#frames.shift();
        if (frame instanceof Error) throw frame;
        return frame;
    }

    cancel(): void {
        this.isCancelled = true;
    }
}

function sourceWith(groups: FakeGroup[]) {
    let end!: (failure: TransforkFailure | undefined) => void;
    const log: (string | number | undefined)[] = [];
    const subscription: Subscription = {
        path: ["demo", "1", "video1"],
        info: new Promise(() => {}),
        groups: (async function* () {
            yield* groups;
        })(),
        onGap: undefined as ((gap: Gap) => void) | undefined,
        ended: new Promise((resolve) => {
            end = resolve;
        }),
        update: ({ expiresMs }) => log.push(`expires ${expiresMs}`),
        close: () => log.push("closed"),
    };
    const source = new Source({
        subscription,
        track: VIDEO,
        readFrame: readMediaFrame,
        onFrame: (timeUs) => log.push(timeUs),
        onBroken: () => log.push("broken"),
        onEnd: (failure) => log.push("end", failure?.message),
    });
    return { source, subscription, log, end };
}

const frame = (timeUs: number) => writeMediaFrame(timeUs, Uint8Array.of(1, 2, 3));
const soon = () => new Promise((resolve) => setTimeout(resolve));

describe("a source", () => {
    test("reads groups at the same time", async () => {
        const [a, b] = [new FakeGroup(0), new FakeGroup(1)];
        const { source, log } = sourceWith([a, b]);
        b.give(frame(100));
        a.give(frame(0), frame(33), undefined);
        await soon();
        expect(log.sort()).toEqual([0, 100, 33]);
        expect(source.queue.frames).toBe(3);
        expect(source.queue.take(0, 0)?.data).toEqual(Uint8Array.of(1, 2, 3));
    });

    test("keeps what came before a reset or a broken frame", async () => {
        const [a, b] = [new FakeGroup(0), new FakeGroup(2)];
        const { source, subscription } = sourceWith([a, b]);
        a.give(frame(0), new Error("reset"));
        b.give(frame(100), new Uint8Array());
        subscription.onGap?.({ first: 1, last: 1, code: 0 });
        await soon();
        expect(b.isCancelled).toBe(true);
        expect(source.queue.take(0, 0)?.timeUs).toBe(0);
        expect(source.queue.take(0, 0)?.timeUs).toBe(100);
    });

    test("stops reading a group that playback has left", async () => {
        const [a, b] = [new FakeGroup(0), new FakeGroup(1)];
        const { source } = sourceWith([a, b]);
        a.give(frame(0));
        b.give(frame(100));
        await soon();
        source.queue.take(100, 100);
        a.give(frame(33));
        await soon();
        expect(a.isCancelled).toBe(true);
    });

    test("reads so many groups at a time, and no more", async () => {
        const groups = Array.from({ length: MAX_GROUPS_READ + 3 }, (_, i) => new FakeGroup(i));
        sourceWith(groups);
        await soon();
        expect(groups.filter((group) => group.isCancelled).map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
    });

    test("tells how it ended, unless it was closed", async () => {
        const failed = sourceWith([]);
        failed.end({ code: 13, message: "not found" });
        await soon();
        expect(failed.log).toEqual(["end", "not found"]);
        expect(failed.source.isEnded).toBe(true);
        const group = new FakeGroup(0);
        const closed = sourceWith([group]);
        await soon();
        closed.source.update({ expiresMs: 300 });
        closed.source.close();
        closed.end(undefined);
        await soon();
        expect(closed.log).toEqual(["expires 300", "closed"]);
        expect(group.isCancelled).toBe(true);
    });
});
