// SPDX-License-Identifier: MIT OR Apache-2.0
// The lane of sound: from the groups of a source through the decoder into the worklet's buffer, shortly before it is played.
// Tested by web/test/player/playback.test.ts.
import type { AudioTrack } from "../../karp/index.ts";
import type { AudioFeedApi, PlacedSound } from "../audio/link.ts";
import { MAX_LEAN_US, type MediaClock } from "./clock.ts";
import { Decoder, type RawDecoder } from "./decoder.ts";
import type { EncodedFrame } from "./queue.ts";
import { Reel } from "./reel.ts";
import type { MediaSource } from "./source.ts";

/** Decoded at most so long before its time. */
const AHEAD_US = 500_000;
/** A missing frame is waited for until so long before it is due. */
const DUE_US = 30_000;
/** A decoder's first frame leans on the one before it, so decoding begins a little earlier than playing. */
const PREROLL_US = 50_000;
/** So much has to be there before sound begins, and before it takes over from what is still heard. */
const BEGIN_WITH_US = 20_000;
const TAKE_OVER_WITH_US = 120_000;
/** Sound that is far from the clock is put right, at most so often. Just begun it may be behind: the device takes its time, so pictures wait. */
const RESYNC_MS = 1000;
const MAX_DEVICE_US = 500_000;
/** Each time it ran dry, the latency that is needed grows by this, and falls again slowly. */
const UNDERRUN_MS = 40;
const MAX_UNDERRUNS_MS = 400;
const FORGIVEN_PER_MS = 40 / 10_000;

/** What is used of AudioData. */
export interface Sound {
    readonly timestamp: number;
    readonly sampleRate: number;
    readonly numberOfChannels: number;
    readonly numberOfFrames: number;
    copyTo(target: Float32Array, options: { planeIndex: number; format: "f32-planar" }): void;
    close(): void;
}

export interface SoundParts<Config, Chunk, Output extends Sound> {
    openDecoder(init: {
        output: (output: Output) => void;
        error: (error: DOMException) => void;
    }): RawDecoder<Config, Chunk>;
    configOf(track: AudioTrack): Config;
    chunkOf(frame: EncodedFrame<AudioTrack>): Chunk;
    onFailure(error: Error, failures: number, track: AudioTrack): void;
    /** The sound that comes out has another rate than the feed, as HE-AAC may. Other channels are mapped by the feed. */
    onFormat(sampleRate: number, channels: number): void;
    wake(): void;
}

export class SoundLane<Config, Chunk, Output extends Sound> {
    readonly #decoder: Decoder<AudioTrack, Config, Chunk, Output>;
    readonly #parts: SoundParts<Config, Chunk, Output>;
    #source: MediaSource<AudioTrack> | undefined;
    #feed: AudioFeedApi | undefined;
    readonly #reel = new Reel<AudioTrack>(true);
    #isPlaying = false;
    /** Decoded for a beginning; written when there is enough of it. */
    #held: PlacedSound[] = [];
    #syncedMs = Number.NEGATIVE_INFINITY;
    #fedUs = Number.NEGATIVE_INFINITY;
    #writtenUs = Number.NEGATIVE_INFINITY;
    #rate = 1;
    #penalty = { ms: 0, atMs: 0, underruns: 0 };
    #retiredUnderruns = 0;
    #hasDecoded = false;

    constructor(parts: SoundParts<Config, Chunk, Output>) {
        this.#parts = parts;
        this.#decoder = new Decoder({
            open: (init) => parts.openDecoder(init),
            configOf: (track) => parts.configOf(track),
            chunkOf: (frame) => parts.chunkOf(frame),
            onOutput: (sound, timeUs) => this.#receive(sound, timeUs),
            onFailure: (error, failures) => {
                if (this.#source) parts.onFailure(error, failures, this.#source.track);
            },
        });
    }

    get source(): MediaSource<AudioTrack> | undefined {
        return this.#source;
    }

    get hasFeed(): boolean {
        return this.#feed !== undefined;
    }

    get isPlaying(): boolean {
        return this.#isPlaying;
    }

    /** Whether any sound came out of the decoder. */
    get hasDecoded(): boolean {
        return this.#hasDecoded;
    }

    get underruns(): number {
        return this.#retiredUnderruns + (this.#feed?.underruns ?? 0);
    }

    /** Whether there is nothing more to hear at this position. */
    isDry(positionUs: number): boolean {
        const isFed = this.#reel.isRewound || (this.#source?.queue.frames ?? 0) > 0;
        return !isFed && this.#decoder.isEmpty && this.#writtenUs <= positionUs;
    }

    get firstUs(): number | undefined {
        return this.#reel.peek(this.#source?.queue)?.timeUs;
    }

    /** How far it can go back; undefined: nowhere. */
    get oldestUs(): number | undefined {
        return this.#reel.oldestUs;
    }

    play(source: MediaSource<AudioTrack> | undefined): void {
        this.#source?.close();
        this.#source = source;
        if (!source) this.#decoder.reset();
    }

    /** Where the sound goes; undefined: nowhere, and nothing is decoded. Whoever made it closes it. */
    setFeed(feed: AudioFeedApi | undefined): void {
        this.#retiredUnderruns += this.#feed?.underruns ?? 0;
        this.#feed = feed;
        this.#penalty = { ms: 0, atMs: 0, underruns: 0 };
        feed?.setRate(this.#rate);
        this.restart();
    }

    /** Playback jumps, forwards or back. What is heard goes on until there is enough of the new position, so there is no gap. */
    seek(positionUs: number, nowMs: number): void {
        const heardUs = this.#isPlaying ? this.#feed?.timeUs(nowMs) : undefined;
        const isAhead = heardUs !== undefined && heardUs <= positionUs;
        if (this.#feed && isAhead && this.#writtenUs >= positionUs + BEGIN_WITH_US)
            this.#begin(this.#feed, positionUs, nowMs);
        else this.#decodeFrom(positionUs);
    }

    #decodeFrom(positionUs: number): void {
        this.#forget();
        // What is inside belongs to the old position.
        this.#decoder.reset();
        this.#reel.rewind(positionUs - PREROLL_US);
    }

    #forget(): void {
        this.#isPlaying = false;
        this.#held = [];
        this.#fedUs = this.#writtenUs = Number.NEGATIVE_INFINITY;
    }

    /** Times begin anew: nothing of the old ones is heard any more. */
    restart(): void {
        this.#forget();
        this.#reel.clear();
        this.#feed?.pause();
        this.#feed?.flush();
    }

    stop(): void {
        this.#isPlaying = false;
        this.#feed?.pause();
    }

    setRate(rate: number): void {
        if (rate !== this.#rate) this.#feed?.setRate(rate);
        this.#rate = rate;
    }

    /** Decodes what will be heard soon. Without a position nothing: where playback begins is not known. */
    pump(positionUs: number | undefined): void {
        const queue = this.#source?.queue;
        if (!queue || !this.#feed || positionUs === undefined) return;
        while (this.#decoder.isReady) {
            const frame = this.#reel.peek(queue, positionUs, positionUs + DUE_US);
            if (!frame || frame.timeUs > positionUs + AHEAD_US) return;
            this.#reel.take(queue, positionUs, positionUs + DUE_US);
            // Too old, or twice because a session or a track was changed.
            if (frame.timeUs < positionUs - PREROLL_US || frame.timeUs <= this.#fedUs) continue;
            if (this.#decoder.decode({ ...frame, isKey: true })) this.#fedUs = frame.timeUs;
        }
    }

    /** Chromium counts samples from the decoder's first frame on, so after a hole its timestamps are too early: ours are right. */
    #receive(sound: Output, timeUs = sound.timestamp): void {
        try {
            this.#write(sound, timeUs);
        } finally {
            sound.close();
        }
        this.#hasDecoded = true;
        this.#parts.wake();
    }

    #write(sound: Output, timeUs: number): void {
        const feed = this.#feed;
        const { sampleRate, numberOfChannels, numberOfFrames } = sound;
        if (!feed || numberOfFrames === 0) return;
        if (sampleRate !== feed.sampleRate) {
            this.#parts.onFormat(sampleRate, numberOfChannels);
            return;
        }
        const planes: Float32Array[] = [];
        for (let planeIndex = 0; planeIndex < numberOfChannels; planeIndex++) {
            const plane = new Float32Array(numberOfFrames);
            sound.copyTo(plane, { planeIndex, format: "f32-planar" });
            planes.push(plane);
        }
        if (this.#isPlaying) feed.write(timeUs, planes);
        else this.#held.push({ timeUs, planes });
        this.#writtenUs = timeUs + (numberOfFrames / sampleRate) * 1e6;
    }

    /** Begins to play when there is something, and keeps the clock and what is heard together. The clock runs. */
    align(clock: MediaClock, nowMs: number): void {
        const feed = this.#feed;
        const positionUs = clock.timeUs(nowMs);
        if (!feed || positionUs === undefined) return;
        if (!this.#isPlaying) {
            const enoughUs = feed.timeUs(nowMs) === undefined ? BEGIN_WITH_US : TAKE_OVER_WITH_US;
            if (this.#writtenUs >= positionUs + enoughUs) this.#begin(feed, positionUs, nowMs);
            return;
        }
        this.#notePenalty(feed, nowMs);
        const heardUs = feed.timeUs(nowMs);
        if (heardUs === undefined) {
            if (this.#writtenUs <= positionUs) this.#isPlaying = false;
            return;
        }
        const offUs = clock.follow(heardUs, nowMs);
        if (Math.abs(offUs) <= MAX_LEAN_US) return;
        const isNew = nowMs - this.#syncedMs < RESYNC_MS;
        if (!isNew) this.#begin(feed, positionUs, nowMs);
        else if (offUs < 0 && offUs > -MAX_DEVICE_US) clock.set(heardUs, nowMs);
    }

    #begin(feed: AudioFeedApi, positionUs: number, nowMs: number): void {
        if (this.#held.length > 0) feed.startWith(this.#held.splice(0), positionUs);
        else feed.playFrom(positionUs);
        this.#isPlaying = true;
        this.#syncedMs = nowMs;
    }

    #notePenalty(feed: AudioFeedApi, nowMs: number): void {
        const penalty = this.#penalty;
        const forgiven = penalty.atMs > 0 ? (nowMs - penalty.atMs) * FORGIVEN_PER_MS : 0;
        const added = Math.max(0, feed.underruns - penalty.underruns) * UNDERRUN_MS;
        penalty.ms = Math.min(MAX_UNDERRUNS_MS, Math.max(0, penalty.ms - forgiven) + added);
        penalty.atMs = nowMs;
        penalty.underruns = feed.underruns;
    }

    /** What the device needs beyond what the network does, as it has shown by running dry. */
    get neededMs(): number {
        return this.#penalty.ms;
    }

    close(): void {
        this.play(undefined);
        this.setFeed(undefined);
    }
}
