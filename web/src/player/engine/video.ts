// SPDX-License-Identifier: MIT OR Apache-2.0
// The lane of pictures: from the groups of a source through the decoder to the canvas, just in time. A change of sources (another
// rendition, another session) happens where a group of the new one begins; the old one plays until then.
// Tested by web/test/player/playback.test.ts.
import type { VideoTrack } from "../../karp/index.ts";
import { Decoder, type RawDecoder } from "./decoder.ts";
import { LATE_US, MAX_PICTURES, type Picture, Pictures } from "./pictures.ts";
import type { EncodedFrame } from "./queue.ts";
import { Reel } from "./reel.ts";
import type { MediaSource } from "./source.ts";

/** Frames are decoded at most so long before their time. */
const AHEAD_US = 500_000;
/** A missing frame is waited for until so long before it is due: decoding takes time too. */
const DUE_US = 40_000;
/** A change of sources may begin with a group that began so long ago: what has been shown is decoded again, which takes a moment. */
const CHANGE_BACK_US = 300_000;
/** Half a picture of the screen: what is due within it is shown now. */
const HALF_SCREEN_US = 8_000;
/** After so long without a picture, a late one is better than none. */
const HUNGRY_MS = 250;
/** Tracks of frames that are inside the decoder. */
const MAX_REMEMBERED = 256;

export interface VideoParts<Config, Chunk, Output extends Picture> {
    openDecoder(init: {
        output: (output: Output) => void;
        error: (error: DOMException) => void;
    }): RawDecoder<Config, Chunk>;
    configOf(track: VideoTrack, failures: number): Config;
    chunkOf(frame: EncodedFrame<VideoTrack>): Chunk;
    /** Draws it; the lane closes it. */
    draw(picture: Output, track: VideoTrack): void;
    onFailure(error: Error, failures: number, track: VideoTrack): void;
    /** A picture has come out: it is time to look again. */
    wake(): void;
}

export class VideoLane<Config, Chunk, Output extends Picture> {
    readonly #parts: VideoParts<Config, Chunk, Output>;
    readonly #decoder: Decoder<VideoTrack, Config, Chunk, Output>;
    readonly #pictures = new Pictures<Output>();
    readonly #tracks = new Map<number, VideoTrack>();
    readonly #reel = new Reel<VideoTrack>();
    #source: MediaSource<VideoTrack> | undefined;
    #next: MediaSource<VideoTrack> | undefined;
    #positionUs: number | undefined;
    #isCatchingUp = true;
    #hasShown = false;
    #shownAtMs = Number.NEGATIVE_INFINITY;
    #retired = { skipped: 0, dropped: 0 };
    framesShown = 0;

    constructor(parts: VideoParts<Config, Chunk, Output>) {
        this.#parts = parts;
        this.#decoder = new Decoder({
            open: (init) => parts.openDecoder(init),
            configOf: (track, failures) => parts.configOf(track, failures),
            chunkOf: (frame) => parts.chunkOf(frame),
            onOutput: (picture) => this.#receive(picture),
            onFailure: (error, failures) => {
                const track = this.#source?.track;
                if (track) parts.onFailure(error, failures, track);
            },
        });
    }

    get source(): MediaSource<VideoTrack> | undefined {
        return this.#source;
    }

    /** What plays now, or is to play next. */
    get wanted(): MediaSource<VideoTrack> | undefined {
        return this.#next ?? this.#source;
    }

    /** Whether a picture of the present timeline has been shown. */
    get hasShown(): boolean {
        return this.#hasShown;
    }

    get framesLate(): number {
        return this.#pictures.late;
    }

    get framesDropped(): number {
        return this.#retired.dropped + (this.#source?.queue.framesDropped ?? 0);
    }

    get groupsSkipped(): number {
        return this.#retired.skipped + (this.#source?.queue.groupsSkipped ?? 0);
    }

    /** Whether there is nothing more to show for now. */
    get isEmpty(): boolean {
        const isFed = this.#reel.isRewound || (this.#source?.queue.frames ?? 0) > 0;
        return this.#pictures.count === 0 && this.#decoder.isEmpty && !isFed;
    }

    /** The earliest time that can still be shown. */
    get firstUs(): number | undefined {
        return this.#pictures.firstUs ?? this.#reel.peek(this.#source?.queue)?.timeUs;
    }

    /** How far it can go back; undefined: nowhere. */
    get oldestUs(): number | undefined {
        return this.#reel.oldestUs;
    }

    /** Plays from this one as soon as it has a group to begin with; undefined: from nothing, at once. */
    play(source: MediaSource<VideoTrack> | undefined): void {
        this.#next?.close();
        this.#next = undefined;
        if (source && this.#source) this.#next = source;
        else this.#become(source);
    }

    #become(source: MediaSource<VideoTrack> | undefined): void {
        if (this.#source) {
            this.#retired.dropped += this.#source.queue.framesDropped;
            this.#retired.skipped += this.#source.queue.groupsSkipped;
            this.#source.close();
        } else this.#isCatchingUp = true; // what is new may begin before the present position
        if (this.#next === source) this.#next = undefined;
        this.#source = source;
        if (source) return;
        this.#decoder.reset();
        this.#reel.clear();
    }

    /** Playback jumps forwards: what lies before the new position is decoded without being shown. */
    seek(positionUs: number): void {
        this.#isCatchingUp = true;
        if (this.#hasShown) this.#pictures.closeBefore(positionUs);
    }

    /** Playback jumps back. The last picture stays until the one of the new position has been decoded again. */
    rewind(positionUs: number): void {
        if (this.#reel.oldestUs === undefined) return; // it stays until its time comes
        this.#reel.rewind(positionUs);
        this.#pictures.clear();
        this.#tracks.clear();
        this.#decoder.reset();
        this.#isCatchingUp = true;
    }

    /** Times begin anew: nothing of the old ones is shown any more. */
    restart(): void {
        this.#reel.clear();
        this.#pictures.clear();
        this.#isCatchingUp = true;
        this.#hasShown = false;
        this.#tracks.clear();
        this.#decoder.reset();
    }

    /** Feeds the decoder. Undefined: playback has not begun. */
    pump(positionUs: number | undefined): void {
        this.#positionUs = positionUs;
        const dueUs = positionUs === undefined ? undefined : positionUs + DUE_US;
        this.#changeSource(positionUs, dueUs);
        const queue = this.#source?.queue;
        if (!queue) return;
        while (this.#decoder.isReady && this.#pictures.count < MAX_PICTURES) {
            const frame = this.#reel.peek(queue, positionUs, dueUs);
            if (!frame || (positionUs !== undefined && frame.timeUs > positionUs + AHEAD_US)) return;
            this.#reel.take(queue, positionUs, dueUs);
            this.#tracks.set(frame.timeUs, frame.track);
            if (this.#tracks.size > MAX_REMEMBERED) this.#tracks.delete(this.#tracks.keys().next().value ?? 0);
            this.#decoder.decode(frame);
        }
    }

    #changeSource(positionUs: number | undefined, dueUs: number | undefined): void {
        const next = this.#next;
        if (!next || this.#reel.isRewound) return;
        const starts = next.queue.upcoming();
        const old = this.#source;
        if (!old || positionUs === undefined || dueUs === undefined || (old.isEnded && old.queue.frames === 0)) {
            if (starts.length > 0 || !old) this.#become(next);
            this.#isCatchingUp = true;
            return;
        }
        const start = starts.find(({ firstUs }) => firstUs > positionUs - CHANGE_BACK_US);
        if (!start) return;
        const frame = old.queue.peek(positionUs, dueUs);
        if (frame ? frame.timeUs < start.firstUs : start.firstUs > dueUs) return;
        next.queue.beginWith(start.sequence);
        this.#become(next);
        this.#isCatchingUp ||= start.firstUs < positionUs;
    }

    #receive(picture: Output): void {
        this.#pictures.add(picture);
        const positionUs = this.#positionUs;
        if (this.#isCatchingUp && positionUs !== undefined) this.#pictures.closeBefore(positionUs);
        this.#parts.wake();
    }

    /** Shows what is due. `positionUs` undefined: playback has not begun, and the first picture is shown as a still. */
    render(positionUs: number | undefined, nowMs: number): void {
        const isFirst = !this.#hasShown;
        if (positionUs === undefined && !isFirst) return;
        const isHungry = nowMs - this.#shownAtMs > HUNGRY_MS;
        const picture =
            isFirst || positionUs === undefined
                ? this.#pictures.pickFirst()
                : this.#pictures.pick(positionUs + HALF_SCREEN_US, isHungry, this.#isCatchingUp);
        if (!picture) return;
        if (positionUs !== undefined && positionUs - picture.timestamp < LATE_US) this.#isCatchingUp = false;
        const track = this.#tracks.get(picture.timestamp) ?? this.#source?.track;
        for (const timeUs of this.#tracks.keys()) {
            if (timeUs <= picture.timestamp) this.#tracks.delete(timeUs);
        }
        try {
            if (track) this.#parts.draw(picture, track);
        } finally {
            picture.close();
        }
        this.#hasShown = true;
        this.#shownAtMs = nowMs;
        this.framesShown++;
    }

    close(): void {
        this.play(undefined);
        this.#pictures.clear();
        this.#tracks.clear();
    }
}
