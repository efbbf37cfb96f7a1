// SPDX-License-Identifier: MIT OR Apache-2.0
// One picture in one or two renditions. Keyframes of all come from the same frame, so that a viewer can be moved between them.
// Frames that come faster than they are encoded are dropped before they are, for all renditions alike, and counted.
// Tested by tests/browser/publish.mjs.
import { VIDEO_PRIORITY, type VideoTrack } from "../../karp/index.ts";
import type { VideoInput } from "../messages.ts";
import type { PublishError, VideoCodecName, VideoSettings } from "../state.ts";
import { Beat } from "./beat.ts";
import {
    candidates,
    catalogCodec,
    chooseVideo,
    familyOf,
    fitSize,
    type Layer,
    layersOf,
    usualBitrate,
} from "./codecs.ts";
import { readVideo } from "./inputs.ts";
import { Keyframes, Strain, Thinner, Timeline } from "./timing.ts";
import { encoderFailed, noVideoEncoder } from "./words.ts";

/** With fewer bits than that, fewer pictures look better. */
const WHOLE_RATE_SHARE = 0.25;
/** So many frames may wait for an encoder. */
const QUEUE_MAX = 3;
/** Sizes that change all the time, as of a window that somebody drags, are followed so often; failures too. */
const REOPEN_MS = 1000;
/** A screen where nothing moves sends nothing. Its last picture is sent again, so that keyframes keep their times. */
const STILL_MS = 500;

export interface PictureSink {
    /** The tracks from now on. Each is described by onTrack after its first frame. */
    onPlan(names: readonly string[]): void;
    onTrack(track: VideoTrack): void;
    onEncoded(frame: { name: string; timeUs: number; isKey: boolean; data: Uint8Array }): void;
    /** undefined: it works. */
    onTrouble(error: PublishError | undefined): void;
    /** One rendition is all that this machine can do. */
    onStrain(): void;
}

interface Rendition {
    name: string;
    config: VideoEncoderConfig;
    encoder: VideoEncoder;
    hasBegun: boolean;
}

export class PicturePath {
    readonly #sink: PictureSink;
    readonly #now: () => number;
    #settings: VideoSettings;
    #keyframes: Keyframes;
    #thinner: Thinner;
    readonly #timeline: Timeline;
    readonly #beat = new Beat();
    readonly #strain = new Strain();
    readonly #failed = new Set<VideoCodecName>();
    #stop = () => {};
    #isOn = false;
    #renditions: Rendition[] = [];
    #last: VideoFrame | undefined;
    #lastMs = 0;
    #still: ReturnType<typeof setInterval> | undefined;
    /** What the encoders are for; empty: they have to be opened. */
    #format = "";
    #openedMs = Number.NEGATIVE_INFINITY;
    #isOpening = false;
    /** A track never changes its kind of codec, so another kind is another track. */
    #family = "";
    #generation = 0;
    #isStrained = false;
    #share = 1;
    /** The network has enough to do: pictures are dropped. */
    isHeld = false;
    encoded = 0;
    dropped = 0;

    constructor(settings: VideoSettings, sink: PictureSink, now: () => number) {
        this.#settings = settings;
        this.#sink = sink;
        this.#now = now;
        this.#keyframes = new Keyframes(settings.keyframeS, settings.framerate);
        this.#thinner = new Thinner(settings.framerate);
        this.#timeline = new Timeline(now());
    }

    /** Frames of another source may follow those of the first: encoders go on where the size is the same. */
    take(input: VideoInput | undefined): void {
        this.#stop();
        clearInterval(this.#still);
        this.#keyframes.ask();
        this.#timeline.restart();
        this.#beat.restart();
        if (!input) {
            this.#end();
            return;
        }
        if (!this.#isOn) this.#sink.onPlan([`video${this.#generation || ""}`]);
        this.#isOn = true;
        const stop = readVideo(input, this.#settings.framerate, (frame) => {
            try {
                this.#encodeNew(frame);
            } finally {
                frame.close();
            }
        });
        this.#stop = stop;
        this.#still = setInterval(() => this.#encodeStill(), STILL_MS / 2);
    }

    configure(settings: VideoSettings): void {
        this.#settings = settings;
        this.#keyframes = new Keyframes(settings.keyframeS, settings.framerate);
        this.#thinner = new Thinner(this.#framerate);
        this.#isStrained = false;
        this.#format = "";
        this.#openedMs = Number.NEGATIVE_INFINITY;
    }

    /** Encoders get this part of their bits from now on, and below a quarter also fewer pictures. */
    set share(share: number) {
        if (share === this.#share) return;
        this.#share = share;
        this.#thinner = new Thinner(this.#framerate);
        for (const { encoder, config } of this.#renditions)
            if (encoder.state === "configured") encoder.configure(this.#lessen(config));
    }

    askForKeyframe(): void {
        this.#keyframes.ask();
    }

    #end(): void {
        this.#isOn = false;
        this.#format = "";
        this.#openedMs = Number.NEGATIVE_INFINITY;
        this.#closeEncoders();
        this.#last?.close();
        this.#last = undefined;
        this.#stop = () => {};
        this.#sink.onPlan([]);
    }

    #closeEncoders(): void {
        for (const { encoder } of this.#renditions) if (encoder.state !== "closed") encoder.close();
        this.#renditions = [];
    }

    get #framerate(): number {
        return this.#settings.framerate * Math.min(1, this.#share / WHOLE_RATE_SHARE);
    }

    #lessen(config: VideoEncoderConfig): VideoEncoderConfig {
        return { ...config, bitrate: Math.round((config.bitrate ?? 0) * this.#share), framerate: this.#framerate };
    }

    #encodeNew(frame: VideoFrame): void {
        const nowMs = this.#now();
        const timeUs = this.#beat.place(this.#timeline.place(frame.timestamp, nowMs));
        if (!this.#isOn || !this.#thinner.isTaken(timeUs)) return;
        this.#last?.close();
        this.#last = frame.clone();
        this.#lastMs = nowMs;
        this.#encode(frame, timeUs);
    }

    #encodeStill(): void {
        const nowMs = this.#now();
        if (!this.#last || nowMs - this.#lastMs < STILL_MS) return;
        this.#lastMs = nowMs;
        this.#beat.restart();
        this.#encode(this.#last, this.#beat.place(this.#timeline.placeNow(nowMs)));
    }

    #encode(frame: VideoFrame, timeUs: number): void {
        const format = `${frame.displayWidth}x${frame.displayHeight}`;
        const isDue = this.#now() - this.#openedMs >= REOPEN_MS;
        if (format !== this.#format && isDue && !this.#isOpening) void this.#open(frame, format);
        if (this.#renditions.length === 0) return;
        const isBusy = this.#renditions.some(({ encoder }) => encoder.encodeQueueSize >= QUEUE_MAX);
        if (this.#strain.count(isBusy) && this.#renditions.length > 1) this.#giveUpLadder();
        if (isBusy || this.isHeld) {
            this.dropped++;
            return;
        }
        const placed = new VideoFrame(frame, { timestamp: timeUs });
        const keyFrame = this.#keyframes.isDue(timeUs);
        try {
            for (const { encoder } of this.#renditions) encoder.encode(placed, { keyFrame });
        } catch (error) {
            this.#fail(error); // it is closed, or the frame is turned in another way than those before
        }
        placed.close();
    }

    #giveUpLadder(): void {
        this.#isStrained = true;
        this.#format = "";
        this.#sink.onStrain();
    }

    async #open(frame: VideoFrame, format: string): Promise<void> {
        this.#isOpening = true;
        const settings = this.#settings;
        const { framerate, bitrateBps, hasLadder, codec: wish } = settings;
        const size = fitSize({ width: frame.displayWidth, height: frame.displayHeight }, settings);
        const layers = layersOf(size, bitrateBps ?? usualBitrate(size, framerate), hasLadder && !this.#isStrained);
        const first = await chooseVideo(
            { ...size, framerate, bitrateBps: layers[0]?.bitrateBps ?? 0 },
            candidates(wish, this.#failed),
        );
        const chosen = [];
        // What follows in a ladder is of the same codec as the first.
        for (const layer of first ? layers : []) {
            const made = await chooseVideo({ ...layer, framerate }, first && [first.name]);
            if (made) chosen.push({ layer, config: made.config });
        }
        this.#isOpening = false;
        // Other settings have come meanwhile: the next frame begins anew.
        if (!this.#isOn || settings !== this.#settings) return;
        this.#openedMs = this.#now();
        this.#format = format;
        this.#closeEncoders();
        if (!first) {
            this.#sink.onPlan([]);
            return this.#sink.onTrouble(noVideoEncoder(wish));
        }
        const family = familyOf(first.config.codec);
        if (this.#family && family !== this.#family) this.#generation++;
        this.#family = family;
        const names = chosen.map(({ layer }) => `video${this.#generation || ""}${layer.suffix}`);
        this.#sink.onPlan(names);
        this.#keyframes.ask();
        this.#renditions = chosen.map(({ layer, config }, i) =>
            this.#makeRendition(names[i] ?? "", layer, config, first.name),
        );
    }

    #makeRendition(name: string, layer: Layer, config: VideoEncoderConfig, codecName: VideoCodecName): Rendition {
        const encoder = new VideoEncoder({
            output: (chunk, metadata) => {
                const data = new Uint8Array(chunk.byteLength);
                chunk.copyTo(data);
                if (rendition === this.#renditions[0]) {
                    this.encoded++;
                    this.#sink.onTrouble(undefined);
                }
                this.#sink.onEncoded({ name, timeUs: chunk.timestamp, isKey: chunk.type === "key", data });
                if (!rendition.hasBegun) this.#sink.onTrack(trackOf(name, layer, config, metadata?.decoderConfig));
                rendition.hasBegun = true;
            },
            error: (error) => {
                // An encoder that never worked is not tried again.
                if (!rendition.hasBegun) this.#failed.add(codecName);
                if (this.#renditions.includes(rendition)) this.#fail(error);
            },
        });
        const rendition: Rendition = { name, config, encoder, hasBegun: false };
        encoder.configure(this.#lessen(config));
        return rendition;
    }

    /** Encoders are opened again a little later. */
    #fail(error: unknown): void {
        this.#closeEncoders();
        this.#format = "";
        this.#openedMs = this.#now();
        this.#sink.onTrouble(encoderFailed("video", error instanceof Error ? error.message : String(error)));
    }
}

/** TypeScript's library lacks how a picture is turned. */
interface Turned extends VideoDecoderConfig {
    rotation?: number;
    flip?: boolean;
}

function trackOf(
    name: string,
    { width, height, bitrateBps }: Layer,
    asked: VideoEncoderConfig,
    made: Turned | undefined,
): VideoTrack {
    const codec = catalogCodec(made?.codec, asked.codec);
    const track: VideoTrack = { kind: "video", name, priority: VIDEO_PRIORITY, codec, width, height, bitrateBps };
    const rotation = made?.rotation;
    if (rotation === 90 || rotation === 180 || rotation === 270) track.rotation = rotation;
    if (made?.flip) track.flip = true;
    return track;
}
