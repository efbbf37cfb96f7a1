// SPDX-License-Identifier: MIT OR Apache-2.0
// The AudioWorklet's side: gives blocks of the voice to the browser, and messages to the voice where memory is not shared. It is
// built into one string (import "./processor.ts?worklet") and imports nothing else at run time.
// Tested by web/test/player/audio/feed.test.ts and tests/browser/audio.mjs.
import { type Memory, type Message, openMemory, STATE_SECONDS, State } from "./memory.ts";
import { Voice } from "./voice.ts";

declare const currentFrame: number;
declare const sampleRate: number;
declare class AudioWorkletProcessor {
    readonly port: MessagePort;
}
declare function registerProcessor(
    name: string,
    processor: new (options: ProcessorSetup) => AudioWorkletProcessor,
): void;

interface ProcessorSetup {
    processorOptions: { channels: number; shared: SharedArrayBuffer | undefined };
}

class MoqAudio extends AudioWorkletProcessor {
    readonly #memory: Memory;
    readonly #voice: Voice;
    readonly #isShared: boolean;
    #worker: MessagePort | undefined;
    #isClosed = false;
    #toldAt = 0;

    constructor({ processorOptions: { channels, shared } }: ProcessorSetup) {
        super();
        this.#isShared = shared !== undefined;
        this.#memory = openMemory(sampleRate, channels, shared);
        this.#voice = new Voice(this.#memory, sampleRate);
        this.#memory.state.send = (state) => this.#worker?.postMessage({ state } satisfies Message);
        this.port.onmessage = ({ data }: MessageEvent<Message>) => this.#hear(data);
    }

    process(_inputs: Float32Array[][], [out]: Float32Array[][]): boolean {
        if (this.#isClosed) return false;
        if (!out) return true;
        const isNews = this.#voice.render(out, currentFrame);
        if (this.#isShared || isNews || currentFrame - this.#toldAt >= STATE_SECONDS * sampleRate) this.#tell();
        return true;
    }

    #tell(): void {
        this.#toldAt = currentFrame;
        this.#memory.state.publish();
    }

    #hear({ port, page, feed, samples, isClosed }: Message): void {
        if (port) {
            this.#worker = port;
            port.onmessage = ({ data }: MessageEvent<Message>) => this.#hear(data);
        }
        if (page) this.#worker?.postMessage({ page } satisfies Message);
        if (samples) this.#memory.ring.write(samples.at, samples.frames, samples.planes);
        if (feed) this.#memory.feed.accept(feed);
        if (isClosed) this.#isClosed = true;
        if (!samples) return;
        // The worker sends no more than what it knows to have arrived, also while no blocks are asked for.
        this.#memory.state.values[State.end] = samples.at + samples.frames;
        this.#tell();
    }
}

registerProcessor("moq-audio", MoqAudio);
