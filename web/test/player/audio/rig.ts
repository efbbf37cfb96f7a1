// SPDX-License-Identifier: MIT OR Apache-2.0
// Feed and worklet without a browser: blocks are asked for by hand, messages arrive when the test lets them.
import type { Cell } from "../../../src/player/audio/cell.ts";
import { AudioFeed } from "../../../src/player/audio/feed.ts";
import { type Message, memorySize, openMemory, Page } from "../../../src/player/audio/memory.ts";
import { speakerCount } from "../../../src/player/audio/speakers.ts";

export const RATE = 48000;
export const BLOCK = 128;

interface Processor {
    process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}
type ProcessorClass = new (options: {
    processorOptions: { channels: number; shared?: SharedArrayBuffer };
}) => Processor;

/** One end of a channel: what is sent waits until it is delivered. */
class Port {
    onmessage: ((event: { data: Message }) => void) | null = null;
    readonly waiting: Message[] = [];

    postMessage(message: Message, transfer: ArrayBuffer[] = []): void {
        this.waiting.push(structuredClone(message, { transfer }));
    }

    deliverTo(other: Port, most = this.waiting.length): void {
        for (const data of this.waiting.splice(0, most)) other.onmessage?.({ data });
    }

    close(): void {}
}

let made: ProcessorClass | undefined;
let processorPort = new Port();
const scope: Record<string, unknown> = globalThis as unknown as Record<string, unknown>;
scope.sampleRate = RATE;
scope.currentFrame = 0;
scope.registerProcessor = (_: string, processor: ProcessorClass) => {
    made = processor;
};
scope.AudioWorkletProcessor = class {
    port = processorPort;
};
await import("../../../src/player/audio/processor.ts");

export class Rig {
    readonly page: Cell;
    readonly feed: AudioFeed;
    readonly channels: number;
    readonly processor: Processor;
    /** Wall time, of a page that began at 0, and frames that the context has rendered. */
    nowMs = 0;
    frame = 0;
    /** While false, messages wait. */
    isDelivering = true;
    readonly shared: SharedArrayBuffer | undefined;
    readonly #worker = new Port();
    readonly #worklet = new Port();

    constructor(isShared: boolean, channels = 1) {
        this.channels = speakerCount(channels);
        this.shared = isShared ? new SharedArrayBuffer(memorySize(RATE, this.channels)) : undefined;
        processorPort = new Port();
        const own = processorPort;
        const setup = this.shared ? { channels: this.channels, shared: this.shared } : { channels: this.channels };
        if (!made) throw new Error("the processor was not registered");
        this.processor = new made({ processorOptions: setup });
        own.onmessage?.({ data: { port: this.#worklet as unknown as MessagePort } });
        const page = openMemory(RATE, 0, this.shared).page;
        this.page = page;
        page.send = (values) => own.onmessage?.({ data: { page: values } });
        page.values[Page.offsetMs] = 0;
        page.values[Page.isRunning] = 1;
        page.publish();
        const link = { sampleRate: RATE, channels, shared: this.shared, port: this.#worker as unknown as MessagePort };
        this.feed = new AudioFeed(link, (nowMs) => nowMs);
        this.#deliver();
    }

    /** Messages that the worklet has not got. */
    get waiting(): number {
        return this.#worker.waiting.length;
    }

    /** The next message for the worklet arrives. */
    deliverOne(): void {
        this.#worker.deliverTo(this.#worklet, 1);
    }

    #deliver(): void {
        if (!this.isDelivering) return;
        this.#worker.deliverTo(this.#worklet);
        this.#worklet.deliverTo(this.#worker);
    }

    /** One block; returns whether the processor lives on. */
    block(out: Float32Array[]): boolean {
        this.#deliver();
        scope.currentFrame = this.frame;
        const lives = this.processor.process([], [out]);
        this.frame += BLOCK;
        this.nowMs = (this.frame * 1000) / RATE;
        this.#deliver();
        return lives;
    }

    /** Plays for so long and gives what was heard. */
    play(seconds: number, each?: () => void): Float32Array[] {
        const blocks = Math.round((seconds * RATE) / BLOCK);
        const heard = Array.from({ length: this.channels }, () => new Float32Array(blocks * BLOCK));
        for (let i = 0; i < blocks; i++) {
            this.block(heard.map((plane) => plane.subarray(i * BLOCK, (i + 1) * BLOCK)));
            each?.();
        }
        return heard;
    }

    /** Writes `planes` as decoders do, in chunks of 20 ms or so many frames. */
    write(timeUs: number, planes: Float32Array[], chunk = 960): void {
        const frames = planes[0]?.length ?? 0;
        for (let at = 0; at < frames; at += chunk) {
            this.feed.write(
                timeUs + Math.round((at * 1e6) / RATE),
                planes.map((plane) => plane.subarray(at, at + chunk)),
            );
            this.#deliver();
        }
    }
}

export function tone(frequency: number, seconds: number, fromSeconds = 0): Float32Array {
    return Float32Array.from({ length: Math.round(seconds * RATE) }, (_, i) =>
        Math.fround(0.5 * Math.sin(2 * Math.PI * frequency * (fromSeconds + i / RATE))),
    );
}

/** Rises from 200 Hz to 440 Hz, so that no two places are alike. */
export function sweep(seconds: number): Float32Array {
    return Float32Array.from({ length: Math.round(seconds * RATE) }, (_, i) => {
        const t = i / RATE;
        return 0.5 * Math.sin(2 * Math.PI * (200 * t + (120 * t * t) / seconds));
    });
}

/** What a click is: the value jumps, or the slope does. */
export function roughness(samples: Float32Array): number {
    let most = 0;
    for (let i = 2; i < samples.length; i++) {
        most = Math.max(most, Math.abs((samples[i] ?? 0) - 2 * (samples[i - 1] ?? 0) + (samples[i - 2] ?? 0)));
    }
    return most;
}

export function peak(samples: Float32Array): number {
    return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

export function power(samples: Float32Array): number {
    return samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
}

/** Of a tone: from its first zero crossing upwards to its last. */
export function frequencyOf(samples: Float32Array): number {
    let first = Number.NaN;
    let last = Number.NaN;
    let count = 0;
    for (let i = 1; i < samples.length; i++) {
        const before = samples[i - 1] ?? 0;
        const after = samples[i] ?? 0;
        if (before > 0 || after <= 0) continue;
        last = i - after / (after - before);
        if (Number.isNaN(first)) first = last;
        else count++;
    }
    return (count * RATE) / (last - first);
}

/** A generator of numbers from 0 to 1 that are the same in every run. */
export function makeRandom(seed: number): () => number {
    return () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return seed / 2 ** 32;
    };
}
