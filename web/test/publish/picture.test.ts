// SPDX-License-Identifier: MIT OR Apache-2.0
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PicturePath, type PictureSink } from "../../src/publish/engine/picture.ts";
import type { VideoSettings } from "../../src/publish/state.ts";

const SETTINGS: VideoSettings = {
    width: 640,
    height: 480,
    framerate: 20,
    bitrateBps: 1_000_000,
    keyframeS: 2,
    codec: undefined,
    hasLadder: false,
};

/** What of VideoFrame is used. */
class FakeFrame {
    static open = 0;
    readonly displayWidth: number;
    readonly displayHeight: number;
    readonly timestamp: number;
    #isOpen = true;

    constructor(from: { displayWidth: number; displayHeight: number }, { timestamp }: { timestamp: number }) {
        this.displayWidth = from.displayWidth;
        this.displayHeight = from.displayHeight;
        this.timestamp = timestamp;
        FakeFrame.open++;
    }

    clone(): FakeFrame {
        return new FakeFrame(this, this);
    }

    close(): void {
        if (this.#isOpen) FakeFrame.open--;
        this.#isOpen = false;
    }
}

/** Encodes at once; the tests say how long a question takes. */
class FakeEncoder {
    static made: FakeEncoder[] = [];
    static answer: () => Promise<void> = async () => {};
    static async isConfigSupported(): Promise<{ supported: boolean }> {
        await FakeEncoder.answer();
        return { supported: true };
    }
    state = "unconfigured";
    encodeQueueSize = 0;
    readonly configs: VideoEncoderConfig[] = [];
    readonly frames: { timeUs: number; isKey: boolean }[] = [];
    readonly #output: (chunk: object, metadata: object) => void;

    constructor({ output }: { output: (chunk: object, metadata: object) => void }) {
        this.#output = output;
        FakeEncoder.made.push(this);
    }

    configure(config: VideoEncoderConfig): void {
        this.state = "configured";
        this.configs.push(config);
    }

    encode({ timestamp }: FakeFrame, { keyFrame }: { keyFrame: boolean }): void {
        this.frames.push({ timeUs: timestamp, isKey: keyFrame });
        this.#output({ byteLength: 1, type: keyFrame ? "key" : "delta", timestamp, copyTo() {} }, {});
    }

    close(): void {
        this.state = "closed";
    }
}

const settle = () => vi.advanceTimersByTimeAsync(0);

class Case {
    nowMs = 1000;
    readonly plans: (readonly string[])[] = [];
    readonly path: PicturePath;
    readonly #port = { onmessage: undefined as ((event: object) => void) | undefined, postMessage() {}, close() {} };

    constructor(settings = SETTINGS) {
        const sink: PictureSink = {
            onPlan: (names) => this.plans.push(names),
            onTrack() {},
            onEncoded() {},
            onTrouble() {},
            onStrain() {},
        };
        this.path = new PicturePath(settings, sink, () => this.nowMs);
        this.path.take({ kind: "port", port: this.#port as unknown as MessagePort });
    }

    /** So many pictures of a camera. */
    async film(count: number, width = 640, height = 480): Promise<void> {
        for (let i = 0; i < count; i++) {
            this.nowMs += 50;
            const size = { displayWidth: width, displayHeight: height };
            this.#port.onmessage?.({ data: new FakeFrame(size, { timestamp: this.nowMs * 1000 }) });
            await settle();
        }
    }

    get encoder(): FakeEncoder {
        const last = FakeEncoder.made.at(-1);
        if (!last) throw new Error("there is no encoder");
        return last;
    }
}

beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("VideoFrame", FakeFrame);
    vi.stubGlobal("VideoEncoder", FakeEncoder);
    FakeEncoder.made = [];
    FakeEncoder.answer = async () => {};
    FakeFrame.open = 0;
});

afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
});

describe("the path of pictures", () => {
    test("closes all frames but the last, and that one in the end", async () => {
        const one = new Case();
        await one.film(30);
        expect(one.encoder.frames.length).toBeGreaterThan(25);
        expect(FakeFrame.open).toBe(1);
        one.path.take(undefined);
        expect(FakeFrame.open).toBe(0);
        expect(one.plans.at(-1)).toEqual([]);
    });

    test("settings that come while encoders are opened are those that count", async () => {
        const one = new Case();
        let go = () => {};
        FakeEncoder.answer = () => new Promise((resolve) => (go = resolve));
        await one.film(1);
        one.path.configure({ ...SETTINGS, bitrateBps: 300_000 });
        FakeEncoder.answer = async () => {};
        go();
        await one.film(3);
        expect(FakeEncoder.made.filter(({ state }) => state === "configured")).toHaveLength(1);
        expect(one.encoder.configs[0]?.bitrate).toBe(300_000);
        expect(one.encoder.frames.length).toBeGreaterThan(0);
    });

    test("a share of the bits takes bits first, and then pictures too", async () => {
        const one = new Case();
        await one.film(10);
        one.path.share = 0.5;
        await one.film(20);
        expect(one.encoder.configs.at(-1)).toMatchObject({ bitrate: 500_000, framerate: 20 });
        const before = one.encoder.frames.length;
        expect(before).toBeGreaterThan(25);
        one.path.share = 0.125;
        await one.film(20);
        expect(one.encoder.configs.at(-1)).toMatchObject({ bitrate: 125_000, framerate: 10 });
        expect(one.encoder.frames.length - before).toBeLessThanOrEqual(11);
        expect(FakeEncoder.made).toHaveLength(1);
    });

    test("pictures that are held are counted, and the keyframe that was due comes after them", async () => {
        const one = new Case();
        await one.film(30);
        one.path.isHeld = true;
        await one.film(20);
        expect(one.path.dropped).toBe(20);
        one.path.isHeld = false;
        await one.film(1);
        expect(one.encoder.frames.at(-1)?.isKey).toBe(true);
    });
});
