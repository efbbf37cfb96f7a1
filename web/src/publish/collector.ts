// SPDX-License-Identifier: MIT OR Apache-2.0
// The worklet that collects sound where there is no MediaStreamTrackProcessor. It runs in the thread of sound.
// Tested by tests/browser/publish.mjs.
import type { Samples } from "./messages.ts";

// The scope of worklets, which TypeScript's library leaves out.
declare const sampleRate: number;
declare const currentFrame: number;
declare class AudioWorkletProcessor {
    readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const CHANNELS = 2;
/** A message for each block of 128 would be 375 in a second. */
const FRAMES = 480;

class Collector extends AudioWorkletProcessor {
    #out: MessagePort | undefined;
    #planes = this.#makePlanes();
    #filled = 0;

    constructor() {
        super();
        this.port.onmessage = ({ data }: MessageEvent<MessagePort | undefined>) => {
            this.#out = data;
        };
    }

    #makePlanes(): Float32Array<ArrayBuffer>[] {
        return Array.from({ length: CHANNELS }, () => new Float32Array(FRAMES));
    }

    process([input]: Float32Array[][]): boolean {
        const frames = input?.[0]?.length ?? 128;
        for (let done = 0; done < frames; ) {
            const some = Math.min(frames - done, FRAMES - this.#filled);
            this.#planes.forEach((plane, i) => {
                // A track that is silent has no channels.
                const from = input?.[i] ?? input?.[0];
                if (from) plane.set(from.subarray(done, done + some), this.#filled);
            });
            done += some;
            this.#filled += some;
            if (this.#filled === FRAMES) this.#send(currentFrame + done);
        }
        return true;
    }

    #send(endFrame: number): void {
        const samples: Samples = {
            planes: this.#planes,
            sampleRate,
            timestampUs: ((endFrame - FRAMES) * 1e6) / sampleRate,
        };
        this.#out?.postMessage(
            samples,
            this.#planes.map((plane) => plane.buffer),
        );
        this.#planes = this.#makePlanes();
        this.#filled = 0;
    }
}

registerProcessor("moq-collector", Collector);
