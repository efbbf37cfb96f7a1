// SPDX-License-Identifier: MIT OR Apache-2.0
// Sound as Opus in stereo, and how loud it is. While it is muted silence is sent, so that players go on.
// Tested by tests/browser/publish.mjs.
import { AUDIO_PRIORITY, type AudioTrack } from "../../karp/index.ts";
import type { Samples, SoundInput } from "../messages.ts";
import type { PublishError } from "../state.ts";
import { CHANNELS, readSound } from "./inputs.ts";
import { SoundClock } from "./soundclock.ts";
import { Timeline } from "./timing.ts";
import { encoderFailed, noSoundEncoder } from "./words.ts";

/** Pieces of 10 ms, mostly. */
const QUEUE_MAX = 25;
const BITRATE_BPS = 128_000;
/** Opus is decoded at this rate, whatever went in. */
const SAMPLE_RATE = 48_000;
const PACKET_US = 20_000;
/** A level sinks by half so often in a second. */
const FALLS_PER_S = 3;
/** After a failure. */
const REOPEN_MS = 1000;
const NAME = "audio";

export interface SoundSink {
    onPlan(names: readonly string[]): void;
    onTrack(track: AudioTrack): void;
    onEncoded(frame: { name: string; timeUs: number; isKey: boolean; data: Uint8Array }): void;
    onTrouble(error: PublishError | undefined): void;
}

interface Opened {
    encoder: AudioEncoder;
    sampleRate: number;
    clock: SoundClock;
}

export class SoundPath {
    readonly #sink: SoundSink;
    readonly #now: () => number;
    readonly #timeline: Timeline;
    #stop = () => {};
    #isOn = false;
    #opened: Opened | undefined;
    #isOpening = false;
    #failedMs = Number.NEGATIVE_INFINITY;
    #lastUs = -1;
    #level = 0;
    #levelMs = 0;
    isMuted = false;

    constructor(sink: SoundSink, now: () => number) {
        this.#sink = sink;
        this.#now = now;
        this.#timeline = new Timeline(now());
    }

    /** The loudest lately, 0 to 1, whether it is muted or not. */
    get level(): number {
        const sinceS = (this.#now() - this.#levelMs) / 1000;
        return this.#isOn ? this.#level * 2 ** (-sinceS * FALLS_PER_S) : 0;
    }

    take(input: SoundInput | undefined): void {
        this.#stop();
        this.#stop = () => {};
        this.#timeline.restart();
        if (!input) {
            this.#end();
            return;
        }
        if (!this.#isOn) this.#sink.onPlan([NAME]);
        this.#isOn = true;
        this.#stop = readSound(input, (samples) => this.#encode(samples));
    }

    #end(): void {
        this.#isOn = false;
        this.#closeEncoder();
        this.#sink.onPlan([]);
    }

    #closeEncoder(): void {
        if (this.#opened && this.#opened.encoder.state !== "closed") this.#opened.encoder.close();
        this.#opened = undefined;
    }

    #encode({ planes, sampleRate, timestampUs }: Samples): void {
        const nowMs = this.#now();
        const placedUs = this.#timeline.place(timestampUs, nowMs);
        const [left] = planes;
        if (!this.#isOn || !left) return;
        this.#measure(planes, nowMs);
        if (this.#opened?.sampleRate !== sampleRate) void this.#open(sampleRate, nowMs);
        const opened = this.#opened;
        // What is left out is a gap for the clock.
        if (!opened || opened.encoder.encodeQueueSize >= QUEUE_MAX) return;
        const data = new Float32Array(CHANNELS * left.length);
        if (!this.isMuted) {
            data.set(left);
            data.set(planes[1] ?? left, left.length);
        }
        const samples = new AudioData({
            format: "f32-planar",
            sampleRate,
            numberOfFrames: left.length,
            numberOfChannels: CHANNELS,
            timestamp: opened.clock.push(placedUs, left.length),
            data,
        });
        try {
            opened.encoder.encode(samples);
        } catch (error) {
            this.#fail(error);
        }
        samples.close();
    }

    #measure(planes: readonly Float32Array[], nowMs: number): void {
        const level = this.level;
        let loudest = 0;
        for (const plane of planes) for (const sample of plane) loudest = Math.max(loudest, Math.abs(sample));
        this.#level = Math.min(1, Math.max(loudest, level));
        this.#levelMs = nowMs;
    }

    async #open(sampleRate: number, nowMs: number): Promise<void> {
        if (this.#isOpening || nowMs - this.#failedMs < REOPEN_MS) return;
        this.#isOpening = true;
        this.#closeEncoder();
        const config = { codec: "opus", sampleRate, numberOfChannels: CHANNELS, bitrate: BITRATE_BPS };
        const isThere = typeof AudioEncoder !== "undefined";
        const support = isThere ? await AudioEncoder.isConfigSupported(config).catch(() => undefined) : undefined;
        this.#isOpening = false;
        if (!this.#isOn) return;
        if (!support?.supported) {
            this.#failedMs = Number.POSITIVE_INFINITY;
            this.#sink.onPlan([]);
            return this.#sink.onTrouble(noSoundEncoder());
        }
        this.#sink.onPlan([NAME]);
        const clock = new SoundClock(sampleRate);
        const encoder = new AudioEncoder({
            output: (chunk) => this.#tell(chunk, clock),
            error: (error) => {
                if (this.#opened?.encoder === encoder) this.#fail(error);
            },
        });
        encoder.configure(config);
        this.#opened = { encoder, sampleRate, clock };
        this.#sink.onTrack({
            kind: "audio",
            name: NAME,
            priority: AUDIO_PRIORITY,
            codec: "opus",
            sampleRate: SAMPLE_RATE,
            channelCount: CHANNELS,
            bitrateBps: BITRATE_BPS,
        });
    }

    #tell(chunk: EncodedAudioChunk, clock: SoundClock): void {
        const timeUs = clock.pull(chunk.duration ?? PACKET_US);
        // A clock that follows another one may begin before its end.
        if (timeUs === undefined || timeUs <= this.#lastUs) return;
        this.#lastUs = timeUs;
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        this.#sink.onTrouble(undefined);
        this.#sink.onEncoded({ name: NAME, timeUs, isKey: true, data });
    }

    #fail(error: unknown): void {
        this.#closeEncoder();
        this.#failedMs = this.#now();
        this.#sink.onTrouble(encoderFailed("sound", error instanceof Error ? error.message : String(error)));
    }
}
