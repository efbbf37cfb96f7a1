// SPDX-License-Identifier: MIT OR Apache-2.0
// A decoder of WebCodecs that can be given any frame at any time: it begins at a key frame, is configured anew where the configuration
// changes, and after an error goes on with the next key frame, with a new decoder.
// Tested by web/test/player/playback.test.ts.
import type { EncodedFrame } from "./queue.ts";

/** What VideoDecoder and AudioDecoder have in common, so that tests can have one too. */
export interface RawDecoder<Config, Chunk> {
    readonly state: CodecState;
    readonly decodeQueueSize: number;
    configure(config: Config): void;
    decode(chunk: Chunk): void;
    flush(): Promise<void>;
    close(): void;
}

export interface DecoderParts<Track, Config, Chunk, Output> {
    open(init: { output: (output: Output) => void; error: (error: DOMException) => void }): RawDecoder<Config, Chunk>;
    configOf(track: Track, failures: number): Config;
    chunkOf(frame: EncodedFrame<Track>): Chunk;
    /** `oldestUs`: the time of the oldest frame inside. It is this one's where nothing is reordered, as with sound. */
    onOutput(output: Output, oldestUs: number | undefined): void;
    /** So many failures in a row, without a frame that came out right. */
    onFailure(error: Error, failures: number): void;
}

/** What a decoder holds before it gives the first picture; more than the codecs reorder. */
export const MAX_IN_DECODER = 24;
const MAX_QUEUED = 4;

export class Decoder<Track, Config, Chunk, Output> {
    readonly #parts: DecoderParts<Track, Config, Chunk, Output>;
    #raw: RawDecoder<Config, Chunk> | undefined;
    #track: Track | undefined;
    #isKeyNeeded = true;
    #failures = 0;
    /** Times of the frames that went in and have not come out; those of an earlier configuration come first. */
    #inside: number[] = [];
    #leaving: number[] = [];

    constructor(parts: DecoderParts<Track, Config, Chunk, Output>) {
        this.#parts = parts;
    }

    /** Whether it takes another frame without a queue of its own. */
    get isReady(): boolean {
        return (this.#raw?.decodeQueueSize ?? 0) < MAX_QUEUED && this.#inside.length < MAX_IN_DECODER;
    }

    /** Whether everything that went in has come out. */
    get isEmpty(): boolean {
        return this.#inside.length === 0;
    }

    /** False: it was not decoded, because a key frame has to come first. */
    decode(frame: EncodedFrame<Track>): boolean {
        try {
            if (frame.isKey && (!this.#raw || this.#raw.state === "closed" || this.#track !== frame.track))
                this.#configure(frame.track);
            if (!this.#raw || (this.#isKeyNeeded && !frame.isKey)) return false;
            this.#raw.decode(this.#parts.chunkOf(frame));
            this.#isKeyNeeded = false;
            this.#inside.push(frame.timeUs);
            return true;
        } catch (error) {
            this.#fail(error);
            return false;
        }
    }

    #configure(track: Track): void {
        if (this.#raw?.state === "configured") this.#drain(this.#raw);
        else this.#open();
        this.#track = track;
        this.#raw?.configure(this.#parts.configOf(track, this.#failures));
    }

    /** What it holds comes out first. */
    #drain(raw: RawDecoder<Config, Chunk>): void {
        const leaving = [...this.#leaving, ...this.#inside];
        this.#leaving = leaving;
        this.#inside = [];
        raw.flush().then(
            () => leaving.splice(0),
            () => {},
        );
    }

    #open(): void {
        this.#close();
        const raw = this.#parts.open({
            output: (output) => {
                this.#failures = 0;
                this.#parts.onOutput(output, this.#leaving.shift() ?? this.#inside.shift());
            },
            error: (error) => {
                if (this.#raw === raw) this.#fail(error);
            },
        });
        this.#raw = raw;
    }

    #fail(error: unknown): void {
        this.#close();
        this.#failures++;
        this.#parts.onFailure(error instanceof Error ? error : new Error(String(error)), this.#failures);
    }

    #close(): void {
        if (this.#raw && this.#raw.state !== "closed") this.#raw.close();
        this.#raw = undefined;
        this.#track = undefined;
        this.#inside = [];
        this.#leaving = [];
        this.#isKeyNeeded = true;
    }

    /** Forgets what it holds. It goes on with the next key frame. */
    reset(): void {
        this.#close();
    }
}
