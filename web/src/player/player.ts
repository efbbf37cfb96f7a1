// SPDX-License-Identifier: MIT OR Apache-2.0
// The player as a page sees it. It is thin: the engine is in a worker; here are the canvas, the output of sound, what the viewer has set,
// and the state that the worker tells, with what only the page knows added.
// Tested by tests/browser/player.mjs.
import { sharedTrust } from "../transfork/index.ts";
import { AudioOutput } from "./audio/index.ts";
import type { AudioLink } from "./audio/link.ts";
import type { EngineState, FromWorker, Timing, ToWorker, Wanted } from "./messages.ts";
import { Sound } from "./output.ts";
import type { Drawing, PlayerApi, PlayerOptions, PlayerState, PlayerStats, PlayerTimes } from "./state.ts";
import { openWorker } from "./worker.ts";

/** A latency that was not given. */
export const DEFAULT_LATENCY_MS = 200;
/** The worker has so long to end its sessions by itself. */
const CLOSE_MS = 500;

const NO_TIMING: Timing = { positionUs: undefined, newestUs: undefined, rate: 1, isRunning: false, atMs: 0 };
const NO_STATS: PlayerStats = {
    latencyMs: 0,
    bufferMs: 0,
    rateBps: 0,
    rttMs: undefined,
    framesShown: 0,
    framesLate: 0,
    framesDropped: 0,
    groupsSkipped: 0,
    audioUnderruns: 0,
    reconnects: 0,
    version: undefined,
    videoCodec: undefined,
    audioCodec: undefined,
    rendition: undefined,
    chosenBy: undefined,
    drawnBy: undefined,
};

/** At least 0; undefined: it is no number, and says nothing. */
function sizeOf(value: number | undefined): number | undefined {
    return Number.isFinite(value) ? Math.max(0, Number(value)) : undefined;
}

/** Before the worker has said anything. */
function beginningOf({ src, isPaused, latencyMs }: Wanted): EngineState {
    return {
        status: src === "" ? "idle" : isPaused ? "paused" : "connecting",
        error: undefined,
        videoWidth: 0,
        videoHeight: 0,
        hasVideo: false,
        hasAudio: false,
        renditions: [],
        rendition: undefined,
        latencyMs,
        neededLatencyMs: 0,
        playbackRate: 1,
    };
}

export class Player extends EventTarget implements PlayerApi {
    readonly #worker: Worker | undefined;
    readonly #sound: Sound;
    readonly #asked = new Map<number, (stats: PlayerStats) => void>();
    #wanted: Wanted;
    #isMuted: boolean;
    #volume: number;
    #canvas: HTMLCanvasElement | undefined;
    #drawing: Drawing;
    #engine: EngineState;
    #state: PlayerState;
    #timing = NO_TIMING;
    #stats = NO_STATS;
    #captured: MediaStream | undefined;
    #closing: Promise<void> | undefined;
    /** There is no worker any more; nothing begins. */
    #hasFailed = false;
    #hasClosed = () => {};
    /** Ends with the player: what it listens to on the page. */
    readonly #life = new AbortController();

    constructor(options: PlayerOptions = {}) {
        super();
        this.#wanted = {
            src: options.src ?? "",
            token: options.token ?? "",
            latencyMs: sizeOf(options.latencyMs) ?? DEFAULT_LATENCY_MS,
            rendition: options.rendition ?? "auto",
            isPaused: options.paused ?? false,
            take: 1,
        };
        this.#isMuted = options.muted ?? false;
        this.#volume = Math.min(1, sizeOf(options.volume) ?? 1);
        this.#drawing = options.drawing ?? "auto";
        this.#engine = beginningOf(this.#wanted);
        this.#sound = new Sound(
            {
                create: (format) => new AudioOutput({ ...format, workletUrl: options.workletUrl }),
                send: (link) => this.#sendSound(link),
                changed: () => this.#update(),
                hasClicked: () => navigator.userActivation?.hasBeenActive ?? false,
            },
            this.#isMuted,
            this.#volume,
        );
        this.#state = this.#compose();
        this.#worker = this.#openWorker(options.workerUrl);
        this.#tellTime();
        this.#listen();
        for (const news of sharedTrust.news) this.#send(news);
        this.#send({ kind: "want", wanted: this.#wanted });
    }

    /** Undefined: the browser has none, or does not let this page have one. */
    #openWorker(url: string | undefined): Worker | undefined {
        try {
            const worker = openWorker(url);
            worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data);
            worker.onerror = (event) => this.#failWithoutWorker(event.message || "it was not loaded");
            return worker;
        } catch (error) {
            this.#failWithoutWorker(String(error));
            return undefined;
        }
    }

    #listen(): void {
        const { signal } = this.#life;
        const look = () => this.#send({ kind: "seen", isSeen: this.#isSeen });
        document.addEventListener("visibilitychange", look, { signal });
        addEventListener("pageshow", look, { signal });
        addEventListener("online", () => this.#send({ kind: "hurry" }), { signal });
        look();
    }

    /** A canvas in a picture-in-picture window is seen although the page is not, and so is a captured picture. */
    get #isSeen(): boolean {
        const home = this.#canvas?.ownerDocument ?? document;
        const isCaptured = this.#captured?.getTracks().some((track) => track.readyState === "live") ?? false;
        return isCaptured || home.visibilityState !== "hidden";
    }

    #send(message: ToWorker, transfer: Transferable[] = []): void {
        if (!this.#closing) this.#worker?.postMessage(message, transfer);
    }

    #tellTime(): void {
        this.#send({ kind: "clock", pageMs: performance.now() });
    }

    #sendSound(link: AudioLink | undefined): void {
        this.#send({ kind: "sound", link }, link ? [link.port] : []);
    }

    #take(message: FromWorker): void {
        switch (message.kind) {
            case "state":
                if (message.take !== this.#wanted.take || this.#hasFailed) break;
                this.#engine = message.state;
                this.#update();
                break;
            case "trust":
                sharedTrust.hear(message);
                break;
            case "timing":
                this.#timing = message.timing;
                this.#tellTime();
                break;
            case "sound":
                this.#sound.want(message.wanted);
                break;
            case "reconnect":
                this.dispatchEvent(new Event("reconnect"));
                break;
            case "lost":
                // What failed once is not tried again.
                this.#drawing = "2d";
                this.dispatchEvent(new Event("canvaslost"));
                break;
            case "stats":
                this.#stats = message.stats;
                this.#asked.get(message.id)?.(message.stats);
                this.#asked.delete(message.id);
                break;
            case "closed":
                this.#hasClosed();
        }
    }

    #failWithoutWorker(reason: string): void {
        this.#fail(
            `The player's worker failed (${reason}). If the page has a Content-Security-Policy, allow blob: in its worker-src, or set workerUrl`,
        );
    }

    #fail(message: string): void {
        this.#hasFailed = true;
        this.#engine = {
            ...this.#engine,
            status: "failed",
            error: { code: "no-webcodecs", message, isTransient: false },
        };
        this.#update();
    }

    #compose(): PlayerState {
        const { failure } = this.#sound;
        const message = `There is no sound: ${failure}. The picture plays without`;
        const silent = failure ? { code: "no-audio-device" as const, message, isTransient: true } : undefined;
        return {
            ...this.#engine,
            error: this.#engine.error ?? silent,
            isPaused: this.#wanted.isPaused,
            isMuted: this.#isMuted,
            volume: this.#volume,
            isSoundBlocked: this.#sound.isBlocked,
        };
    }

    #update(): void {
        if (this.#closing) return;
        const before = this.#state;
        const state = this.#compose();
        if (JSON.stringify(before) === JSON.stringify(state)) return;
        this.#state = state;
        this.dispatchEvent(new Event("state"));
        if (state.error && state.error.message !== before.error?.message) this.dispatchEvent(new Event("error"));
    }

    #want(change: Partial<Wanted>): void {
        this.#wanted = { ...this.#wanted, ...change };
        this.#send({ kind: "want", wanted: this.#wanted });
        this.#update();
    }

    /** The state is that of a beginning at once: the worker's word of what was before may still be on its way. */
    #begin(src: string): void {
        const take = this.#wanted.take + 1;
        if (!this.#hasFailed) this.#engine = beginningOf({ ...this.#wanted, src });
        this.#timing = NO_TIMING;
        this.#want({ src, take });
    }

    get src(): string {
        return this.#wanted.src;
    }

    set src(src: string) {
        if (src !== this.#wanted.src) this.#begin(src);
    }

    get token(): string {
        return this.#wanted.token;
    }

    set token(token: string) {
        this.#want({ token });
    }

    get latencyMs(): number {
        return this.#wanted.latencyMs;
    }

    set latencyMs(latencyMs: number) {
        this.#want({ latencyMs: sizeOf(latencyMs) ?? this.#wanted.latencyMs });
    }

    get rendition(): string {
        return this.#wanted.rendition;
    }

    set rendition(rendition: string) {
        this.#want({ rendition });
    }

    get muted(): boolean {
        return this.#isMuted;
    }

    set muted(isMuted: boolean) {
        this.#isMuted = isMuted;
        this.#sound.setMuted(isMuted);
        if (!isMuted) this.#sound.unlock();
        this.#update();
    }

    get volume(): number {
        return this.#volume;
    }

    set volume(volume: number) {
        this.#volume = Math.min(1, sizeOf(volume) ?? this.#volume);
        this.#sound.setVolume(this.#volume);
        this.#update();
    }

    get state(): PlayerState {
        return this.#state;
    }

    get times(): PlayerTimes {
        const { positionUs, newestUs, rate, isRunning, atMs } = this.#timing;
        if (positionUs === undefined) return { currentTime: 0, buffered: undefined };
        const sinceUs = isRunning ? (performance.now() - atMs) * 1000 * rate : 0;
        const currentTime = (positionUs + sinceUs) / 1e6;
        const end = newestUs === undefined ? currentTime : Math.max(currentTime, newestUs / 1e6);
        return { currentTime, buffered: { start: currentTime, end } };
    }

    get canvas(): HTMLCanvasElement | undefined {
        return this.#canvas;
    }

    /** Throws for a canvas that something else draws on. */
    attachCanvas(canvas: HTMLCanvasElement): void {
        if (!("transferControlToOffscreen" in canvas)) {
            this.#worker?.terminate();
            this.#fail("This browser cannot draw in a worker. Update it, or use a current Chrome, Edge or Firefox");
            return;
        }
        const offscreen = canvas.transferControlToOffscreen();
        this.#canvas = canvas;
        this.#send({ kind: "canvas", canvas: offscreen, drawing: this.#drawing }, [offscreen]);
        this.#send({ kind: "seen", isSeen: this.#isSeen });
    }

    play(): void {
        this.#sound.unlock();
        this.#want({ isPaused: false });
    }

    pause(): void {
        this.#want({ isPaused: true });
    }

    load(): void {
        this.#begin(this.#wanted.src);
    }

    stats(): Promise<PlayerStats> {
        if (this.#closing || this.#hasFailed) return Promise.resolve(this.#stats);
        const id = this.#nextId++;
        return new Promise((resolve) => {
            this.#asked.set(id, resolve);
            this.#send({ kind: "stats", id });
        });
    }

    #nextId = 0;

    captureStream(): MediaStream {
        const stream = this.#canvas?.captureStream() ?? new MediaStream();
        const track = this.#sound.captureTrack;
        if (track) stream.addTrack(track);
        this.#captured = stream;
        this.#send({ kind: "seen", isSeen: true });
        for (const each of stream.getTracks())
            each.addEventListener("ended", () => this.#send({ kind: "seen", isSeen: this.#isSeen }));
        return stream;
    }

    close(): Promise<void> {
        if (this.#closing) return this.#closing;
        this.#send({ kind: "close" });
        this.#life.abort();
        this.#closing = this.#end();
        return this.#closing;
    }

    async #end(): Promise<void> {
        this.#sound.close();
        await new Promise<void>((resolve) => {
            this.#hasClosed = resolve;
            setTimeout(resolve, this.#worker ? CLOSE_MS : 0);
        });
        this.#worker?.terminate();
        for (const resolve of this.#asked.values()) resolve(this.#stats);
        this.#asked.clear();
        for (const track of this.#captured?.getTracks() ?? []) track.stop();
    }
}
