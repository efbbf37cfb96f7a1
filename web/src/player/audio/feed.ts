// SPDX-License-Identifier: MIT OR Apache-2.0
// The worker's side of sound: writes what was decoded where the worklet finds it, tells it what to play, and knows the media time
// that is heard.
//
// - playFrom begins as soon as a few milliseconds from there on are written. A target up to GAP_SECONDS before the first sound is
//   reached through silence; one that is older begins with the oldest there is.
// - When it runs dry it fades out, counts one underrun, and goes on by itself where it stopped once RESUME_SECONDS are there.
//   playFrom decides otherwise at any time.
// - flush and pause stop; playFrom starts again.
// - A jump of timestamps beyond GAP_SECONDS, in either direction, begins a new run: what was not played is forgotten, and playing
//   goes on with the new one.
// - More than RING_SECONDS ahead of what is played throws away the oldest, and counts it in `dropped`.
import { MediaClock } from "./clock.ts";
import type { AudioFeedApi, AudioLink, PlacedSound } from "./link.ts";
import {
    MARGIN_SECONDS,
    type Memory,
    type Message,
    openMemory,
    Page,
    RING_SECONDS,
    State,
    Status,
    Feed as To,
} from "./memory.ts";
import { mapChannels, speakerCount } from "./speakers.ts";
import { makeFade } from "./stretch.ts";
import { Timeline } from "./timeline.ts";

export const MIN_RATE = 0.5;
export const MAX_RATE = 2;
/** Of the edges of holes. */
const EDGE_SECONDS = 0.003;

export class AudioFeed implements AudioFeedApi {
    readonly sampleRate: number;
    readonly channels: number;
    readonly #port: MessagePort;
    readonly #memory: Memory;
    readonly #isShared: boolean;
    readonly #timeline: Timeline;
    readonly #clock: MediaClock;
    readonly #fade: Float32Array;
    readonly #toPageMs: (nowMs: number) => number;
    /** The last samples written, for an edge without a click. */
    #edge: Float32Array[];
    #refused = 0;
    #isClosed = false;
    /** The worklet hears of nothing yet: more follows that belongs to it. */
    #isHeldBack = false;

    /** `toPageMs`: what performance.now() of the page is at one of this place. */
    constructor(link: AudioLink, toPageMs: (nowMs: number) => number) {
        const { sampleRate, channels, shared, port } = link;
        this.sampleRate = sampleRate;
        this.channels = channels;
        this.#port = port;
        this.#toPageMs = toPageMs;
        this.#isShared = shared !== undefined;
        this.#memory = openMemory(sampleRate, shared ? speakerCount(channels) : 0, shared);
        this.#timeline = new Timeline(sampleRate);
        this.#clock = new MediaClock(sampleRate);
        this.#fade = makeFade(Math.round(EDGE_SECONDS * sampleRate));
        this.#edge = this.#silence();
        const { feed, state, page } = this.#memory;
        feed.values[To.startUs] = Number.NaN;
        feed.values[To.rate] = 1;
        feed.send = (values) => this.#post({ feed: values });
        port.onmessage = ({ data }: MessageEvent<Message>) => {
            if (data.state) state.accept(data.state);
            if (data.page) page.accept(data.page);
        };
    }

    get underruns(): number {
        return this.#state(State.underruns);
    }

    /** Frames that were written and could not be played, because too much was written ahead. */
    get dropped(): number {
        return this.#refused + this.#state(State.dropped);
    }

    get bufferedUs(): number {
        const { start, startUs, end } = this.#timeline;
        const { values } = this.#memory.feed;
        const isObeyed = this.#state(State.command) === values[To.command];
        const target = values[To.isPlaying] ? this.#timeline.frameOf(values[To.targetUs] ?? 0) : 0;
        const position = isObeyed ? this.#state(State.position) : target;
        if (Number.isNaN(startUs)) return 0;
        const frames = end - Math.max(position, start, end - RING_SECONDS * this.sampleRate);
        return Math.max(0, (frames * 1e6) / this.sampleRate);
    }

    write(timeUs: number, planes: readonly Float32Array[]): void {
        const frames = planes.reduce((least, plane) => Math.min(least, plane.length), planes[0]?.length ?? 0);
        if (this.#isClosed || frames === 0 || !Number.isFinite(timeUs)) return;
        const unheard = this.#timeline.end - this.#state(State.end);
        if (!this.#isShared && unheard > RING_SECONDS * this.sampleRate) {
            // The worklet takes no messages; without this they would pile up.
            this.#refused += frames;
            return;
        }
        const at = this.#timeline.end;
        const { silence, skip, isRestart } = this.#timeline.place(timeUs, frames);
        const left = frames - skip;
        if (left === 0) return;
        const block = mapChannels(planes, this.#edge.length, skip, left);
        if (isRestart) this.#edge = this.#silence();
        else if (silence > 0) {
            this.#put(at, silence, this.#join(this.#silence(), this.#edge));
            this.#join(block, this.#silence());
        } else if (skip > 0) this.#join(block, this.#edge);
        this.#put(at + silence, left, block);
        this.#keepEdge(block);
    }

    playFrom(timeUs: number): void {
        this.#command(true, timeUs);
    }

    startWith(sounds: readonly PlacedSound[], timeUs: number): void {
        this.#isHeldBack = true;
        this.flush();
        for (const sound of sounds) this.write(sound.timeUs, sound.planes);
        this.#isHeldBack = false;
        this.playFrom(timeUs);
    }

    pause(): void {
        this.#command(false, 0);
    }

    flush(): void {
        this.#timeline.reset();
        this.#command(false, 0);
    }

    setRate(rate: number): void {
        const { values } = this.#memory.feed;
        const bounded = Math.min(MAX_RATE, Math.max(MIN_RATE, rate)) || 1;
        if (values[To.rate] === bounded) return;
        values[To.rate] = bounded;
        this.#publish();
    }

    timeUs(nowMs: number): number | undefined {
        const { feed, page } = this.#memory;
        page.take();
        const isPlaying =
            feed.values[To.isPlaying] === 1 &&
            page.values[Page.isRunning] === 1 &&
            this.#state(State.status) === Status.playing &&
            !this.#isClosed;
        if (!isPlaying) {
            this.#clock.reset();
            return undefined;
        }
        this.#clock.addBlock({
            contextFrame: this.#state(State.contextFrame),
            timeUs: this.#state(State.timeUs),
            rate: this.#state(State.rate),
            command: this.#state(State.command),
        });
        const offsetMs = page.values[Page.offsetMs] ?? 0;
        return this.#clock.timeUs(this.#toPageMs(nowMs), offsetMs, feed.values[To.command]);
    }

    close(): void {
        if (this.#isClosed) return;
        this.flush();
        this.#post({ isClosed: true });
        this.#isClosed = true;
        this.#port.close();
    }

    #silence(): Float32Array[] {
        return Array.from({ length: speakerCount(this.channels) }, () => new Float32Array(this.#fade.length));
    }

    #state(index: number): number {
        this.#memory.state.take();
        return this.#memory.state.values[index] ?? 0;
    }

    #command(isPlaying: boolean, targetUs: number): void {
        const { values } = this.#memory.feed;
        if (this.#isClosed || !Number.isFinite(targetUs)) return;
        values[To.command] = (values[To.command] ?? 0) + 1;
        values[To.isPlaying] = isPlaying ? 1 : 0;
        values[To.targetUs] = targetUs;
        this.#publish();
    }

    /** Where sound does not go on, the old is led out while the new is faded in. The old is turned about its last sample, so that
     *  neither value nor slope jumps. */
    #join(block: Float32Array[], old: readonly Float32Array[]): Float32Array[] {
        for (const [c, plane] of block.entries()) {
            const before = old[c] ?? plane;
            const last = before.length - 1;
            const pivot = 2 * (before[last] ?? 0);
            const frames = Math.min(plane.length, last);
            for (let i = 0; i < frames; i++) {
                const led = pivot - (before[last - 1 - i] ?? 0);
                plane[i] = led + ((plane[i] ?? 0) - led) * (this.#fade[i] ?? 1);
            }
        }
        return block;
    }

    /** Writes frames at the end; planes may be shorter, the rest is silence. In pieces, because the worklet may be near. */
    #put(at: number, frames: number, block: readonly Float32Array[]): void {
        const { feed, ring } = this.#memory;
        const piece = Math.floor(MARGIN_SECONDS * this.sampleRate);
        for (let from = 0; from < frames; from += piece) {
            const count = Math.min(piece, frames - from);
            feed.values[To.end] = at + from + count;
            if (this.#isShared) {
                const planes = block.map((plane) => plane.subarray(from, from + count));
                ring.write(at + from, count, planes);
                this.#publish();
            } else {
                const planes = block.map((plane) => plane.slice(from, from + count));
                const samples = { at: at + from, frames: count, planes };
                this.#post(this.#isHeldBack ? { samples } : { samples, feed: this.#values() });
            }
        }
    }

    #keepEdge(block: readonly Float32Array[]): void {
        for (const [c, edge] of this.#edge.entries()) {
            const plane = block[c]?.subarray(-edge.length) ?? edge;
            edge.copyWithin(0, plane.length);
            edge.set(plane, edge.length - plane.length);
        }
    }

    #values(): Float64Array {
        const { values } = this.#memory.feed;
        values[To.start] = this.#timeline.start;
        values[To.startUs] = this.#timeline.startUs;
        return values.slice();
    }

    #publish(): void {
        this.#values();
        if (!this.#isHeldBack) this.#memory.feed.publish();
    }

    #post(message: Message): void {
        this.#port.postMessage(message, message.samples?.planes.map((plane) => plane.buffer) ?? []);
    }
}
