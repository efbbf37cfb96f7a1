// SPDX-License-Identifier: MIT OR Apache-2.0
// A player's middle without a browser: a clock that tests move, a publisher, a network that delays and loses, decoders that take
// their time, and a worklet that counts when it runs dry.
import type { AudioTrack, VideoTrack } from "../../src/karp/index.ts";
import type { AudioFeedApi, PlacedSound } from "../../src/player/audio/link.ts";
import type { RawDecoder } from "../../src/player/engine/decoder.ts";
import { Playback } from "../../src/player/engine/playback.ts";
import type { EncodedFrame } from "../../src/player/engine/queue.ts";
import { GroupQueue } from "../../src/player/engine/queue.ts";
import type { MediaSource } from "../../src/player/engine/source.ts";

/** Moves in steps of a millisecond; what is planned runs in order. */
export class World {
    nowMs = 1000;
    #plans: { atMs: number; call: () => void }[] = [];

    plan(atMs: number, call: () => void): void {
        const at = this.#plans.findLastIndex((plan) => plan.atMs <= atMs) + 1;
        this.#plans.splice(at, 0, { atMs, call });
    }

    run(forMs: number, each?: () => void): void {
        const endMs = this.nowMs + forMs;
        for (; this.nowMs < endMs; this.nowMs++) {
            while ((this.#plans[0]?.atMs ?? Number.POSITIVE_INFINITY) <= this.nowMs) this.#plans.shift()?.call();
            each?.();
        }
    }
}

export interface FakePicture {
    timestamp: number;
    track: VideoTrack;
    isClosed: boolean;
    close(): void;
}

export const VIDEO: VideoTrack = {
    kind: "video",
    name: "video1",
    priority: 2,
    codec: "avc3.4d401f",
    width: 640,
    height: 360,
};
export const AUDIO: AudioTrack = {
    kind: "audio",
    name: "audio2",
    priority: 1,
    codec: "opus",
    sampleRate: 48000,
    channelCount: 2,
};

/** Decodes one frame after the other, in presentation order as far as it reorders. */
export class FakeDecoder<Track, Output> implements RawDecoder<Track, EncodedFrame<Track>> {
    state: CodecState = "unconfigured";
    decodeQueueSize = 0;
    readonly configs: Track[] = [];
    #freeMs = 0;
    #held: EncodedFrame<Track>[] = [];
    readonly #world: World;
    readonly #reorder: number;
    readonly #eachMs: number;
    readonly #make: (frame: EncodedFrame<Track>) => Output;
    readonly #init: { output: (output: Output) => void; error: (error: DOMException) => void };

    constructor(
        world: World,
        init: { output: (output: Output) => void; error: (error: DOMException) => void },
        make: (frame: EncodedFrame<Track>) => Output,
        { eachMs = 2, reorder = 0 } = {},
    ) {
        this.#world = world;
        this.#init = init;
        this.#make = make;
        this.#eachMs = eachMs;
        this.#reorder = reorder;
    }

    configure(track: Track): void {
        this.state = "configured";
        this.configs.push(track);
    }

    decode(frame: EncodedFrame<Track>): void {
        if (this.state !== "configured") throw new Error("not configured");
        this.decodeQueueSize++;
        this.#freeMs = Math.max(this.#freeMs, this.#world.nowMs) + this.#eachMs;
        this.#world.plan(this.#freeMs, () => {
            if (this.state === "closed") return;
            this.decodeQueueSize--;
            if (frame.data[0] === 0xff) {
                this.state = "closed";
                this.#init.error(new DOMException("a broken frame", "EncodingError"));
                return;
            }
            this.#held.push(frame);
            this.#held.sort((a, b) => a.timeUs - b.timeUs);
            while (this.#held.length > this.#reorder) this.#give();
        });
    }

    #give(): void {
        const frame = this.#held.shift();
        if (frame) this.#init.output(this.#make(frame));
    }

    flush(): Promise<void> {
        this.#world.plan(Math.max(this.#freeMs, this.#world.nowMs), () => {
            while (this.state !== "closed" && this.#held.length > 0) this.#give();
        });
        return Promise.resolve();
    }

    close(): void {
        this.state = "closed";
        this.#held = [];
    }
}

/** A worklet: plays what was written, counts when it runs dry. */
export class FakeFeed implements AudioFeedApi {
    readonly sampleRate = 48000;
    readonly channels = 2;
    underruns = 0;
    rate = 1;
    rates: number[] = [];
    /** The times of all that was written. */
    written: number[] = [];
    isClosed = false;
    /** How long nothing was played, once it had begun. */
    silentMs = 0;
    #hasBegun = false;
    #writtenUs: number | undefined;
    #positionUs: number | undefined;
    #atMs = 0;
    /** Of the device: so much later it is heard. */
    delayMs = 0;
    readonly #world: World;

    constructor(world: World) {
        this.#world = world;
    }

    write(timeUs: number, planes: readonly Float32Array[]): void {
        this.written.push(timeUs);
        this.#writtenUs = timeUs + ((planes[0]?.length ?? 0) / this.sampleRate) * 1e6;
    }

    playFrom(timeUs: number): void {
        this.step();
        this.#hasBegun = true;
        this.#positionUs = timeUs;
    }

    startWith(sounds: readonly PlacedSound[], timeUs: number): void {
        this.flush();
        for (const sound of sounds) this.write(sound.timeUs, sound.planes);
        this.playFrom(timeUs);
    }

    pause(): void {
        this.#positionUs = undefined;
    }

    setRate(rate: number): void {
        this.step();
        this.rate = rate;
        this.rates.push(rate);
    }

    flush(): void {
        this.#writtenUs = this.#positionUs = undefined;
    }

    /** To be called each millisecond. */
    step(): void {
        const passedMs = this.#world.nowMs - this.#atMs;
        this.#atMs = this.#world.nowMs;
        if (this.#positionUs === undefined) {
            if (this.#hasBegun) this.silentMs += passedMs;
            return;
        }
        this.#positionUs += passedMs * 1000 * this.rate;
        if (this.#positionUs >= (this.#writtenUs ?? 0)) {
            this.underruns++;
            this.#positionUs = undefined;
        }
    }

    timeUs(): number | undefined {
        this.step();
        return this.#positionUs === undefined ? undefined : this.#positionUs - this.delayMs * 1000;
    }

    get bufferedUs(): number {
        return this.#positionUs === undefined ? 0 : Math.max(0, (this.#writtenUs ?? 0) - this.#positionUs);
    }

    close(): void {
        this.isClosed = true;
    }
}

export class FakeSource<T extends VideoTrack | AudioTrack> implements MediaSource<T> {
    readonly queue = new GroupQueue<T>();
    readonly track: T;
    isEnded = false;
    isClosed = false;

    constructor(track: T) {
        this.track = track;
    }

    close(): void {
        this.isClosed = true;
    }
}

export interface Shown {
    timeUs: number;
    atMs: number;
    /** How old the picture is: the publisher made it at its media time. */
    ageMs: number;
    track: VideoTrack;
}

export class Rig {
    readonly world = new World();
    readonly shown: Shown[] = [];
    readonly pictures: FakePicture[] = [];
    readonly failures: string[] = [];
    readonly playback: Playback<
        VideoTrack,
        EncodedFrame<VideoTrack>,
        FakePicture,
        AudioTrack,
        EncodedFrame<AudioTrack>,
        ReturnType<Rig["makeSound"]>
    >;
    readonly videoDecoders: FakeDecoder<VideoTrack, FakePicture>[] = [];
    readonly rates: number[] = [];
    /** Media time is the world's time minus this. */
    zeroMs = 0;
    screenMs = 16;
    decoding = { eachMs: 2, reorder: 0 };
    #feed: FakeFeed | undefined;
    #soundUs = Number.NaN;

    constructor(latencyMs = 200) {
        this.playback = new Playback(
            {
                video: {
                    openDecoder: (init) => {
                        const decoder = new FakeDecoder<VideoTrack, FakePicture>(
                            this.world,
                            init,
                            (f) => this.#makePicture(f),
                            this.decoding,
                        );
                        this.videoDecoders.push(decoder);
                        return decoder;
                    },
                    configOf: (track) => track,
                    chunkOf: (frame) => frame,
                    draw: ({ timestamp, track }) => {
                        const mediaMs = this.world.nowMs - this.zeroMs;
                        this.shown.push({
                            timeUs: timestamp,
                            atMs: this.world.nowMs,
                            ageMs: mediaMs - timestamp / 1000,
                            track,
                        });
                    },
                    onFailure: (error) => this.failures.push(error.message),
                    wake: () => this.playback.tick(this.world.nowMs),
                },
                sound: {
                    openDecoder: (init) => {
                        this.#soundUs = Number.NaN;
                        return new FakeDecoder(this.world, init, (f: EncodedFrame<AudioTrack>) => this.makeSound(f));
                    },
                    configOf: (track) => track,
                    chunkOf: (frame) => frame,
                    onFailure: (error) => this.failures.push(error.message),
                    onFormat: () => {},
                    wake: () => {},
                },
            },
            latencyMs,
        );
    }

    #makePicture(frame: EncodedFrame<VideoTrack>): FakePicture {
        const picture: FakePicture = {
            timestamp: frame.timeUs,
            track: frame.track,
            isClosed: false,
            close: () => {
                if (picture.isClosed) throw new Error("closed twice");
                picture.isClosed = true;
            },
        };
        this.pictures.push(picture);
        return picture;
    }

    /** As in Chromium, its time is counted in samples from the decoder's first frame on. */
    makeSound(frame: EncodedFrame<AudioTrack>) {
        const timestamp = Number.isNaN(this.#soundUs) ? frame.timeUs : this.#soundUs;
        this.#soundUs = timestamp + 20_000;
        return {
            timestamp,
            sampleRate: 48000,
            numberOfChannels: 2,
            numberOfFrames: 960,
            copyTo: () => {},
            close: () => {},
        };
    }

    get feed(): FakeFeed {
        if (!this.#feed) {
            this.#feed = new FakeFeed(this.world);
            this.playback.setFeed(this.#feed);
        }
        return this.#feed;
    }

    /** A frame arrives at the player now. False: nobody wants its group. */
    arrive<T extends VideoTrack | AudioTrack>(
        source: FakeSource<T>,
        sequence: number,
        timeUs: number,
        data = 1,
    ): boolean {
        source.queue.open(sequence);
        if (!source.queue.push(sequence, timeUs, Uint8Array.of(data), source.track)) return false;
        this.playback.noteFrame(source.track.kind, timeUs, this.world.nowMs);
        if (!this.playback.video.hasShown) this.playback.tick(this.world.nowMs);
        return true;
    }

    /** Runs, with a picture of the screen every 16 ms. */
    run(forMs: number): void {
        this.world.run(forMs, () => {
            this.#feed?.step();
            if (Math.floor(this.world.nowMs) % this.screenMs !== 0) return;
            this.playback.tick(this.world.nowMs);
            this.rates.push(this.playback.clock.rate);
        });
    }
}

export interface Stream {
    fps?: number;
    groupMs?: number;
    /** When the network brings what was made at `mediaMs`; undefined: never. In milliseconds after it was made. */
    delayMs?: (mediaMs: number, index: number) => number | undefined;
    /** Media from here, in the world's time. */
    fromMs?: number;
    toMs: number;
    firstSequence?: number;
    /** Decode order of a group of pictures: each entry is moved by so many frames. */
    reorder?: (index: number) => number;
    /** Content of a frame. */
    data?: (sequence: number, index: number) => number;
}

/** Plans the arrival of a whole stream. What was made before now arrives at once. */
export function stream<T extends VideoTrack | AudioTrack>(rig: Rig, source: FakeSource<T>, options: Stream): void {
    const { fps = source.track.kind === "video" ? 30 : 50, groupMs = 1000, toMs } = options;
    const { delayMs = () => 10, fromMs = rig.world.nowMs, firstSequence = 0 } = options;
    const perGroup = Math.round((groupMs * fps) / 1000);
    const count = Math.round(((toMs - fromMs) * fps) / 1000);
    let lastMs = 0;
    for (let i = 0; i < count; i++) {
        const made = fromMs + (i * 1000) / fps;
        const shifted = made + ((options.reorder?.(i % perGroup) ?? 0) * 1000) / fps;
        const sequence = firstSequence + Math.floor(i / perGroup);
        const delay = delayMs(made, i);
        const isLast = i % perGroup === perGroup - 1;
        if (delay === undefined) {
            if (isLast) rig.world.plan(Math.max(lastMs, made), () => source.queue.close(sequence));
            continue;
        }
        const atMs = Math.max(made + delay, rig.world.nowMs, i % perGroup === 0 ? 0 : lastMs);
        lastMs = atMs;
        rig.world.plan(atMs, () => {
            rig.arrive(
                source,
                sequence,
                Math.round((shifted - rig.zeroMs) * 1000),
                options.data?.(sequence, i % perGroup) ?? 1,
            );
            if (isLast) source.queue.close(sequence);
        });
    }
}

/** The longest time between two pictures. */
export function longestStill(shown: readonly Shown[], fromMs = 0, toMs = Number.POSITIVE_INFINITY): number {
    let longest = 0;
    for (let i = 1; i < shown.length; i++) {
        const [a, b] = [shown[i - 1], shown[i]];
        if (a && b && a.atMs >= fromMs && b.atMs <= toMs) longest = Math.max(longest, b.atMs - a.atMs);
    }
    return longest;
}

export function median(values: readonly number[]): number {
    return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
