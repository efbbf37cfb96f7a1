// SPDX-License-Identifier: MIT OR Apache-2.0
// The player as a page sees it. It is thin: the engine is in a worker; here are the canvas, the output of sound, what the viewer has set,
// and the state that the worker tells, with what only the page knows added.
// Tested by tests/browser/player.mjs.
import { AudioOutput } from "./audio/index.ts";
import type { AudioLink } from "./audio/link.ts";
import type { EngineState, FromWorker, Timing, ToWorker, Wanted } from "./messages.ts";
import { Sound } from "./output.ts";
import type { PlayerApi, PlayerOptions, PlayerState, PlayerStats, PlayerTimes } from "./state.ts";
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
};

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
    readonly #worker: Worker;
    readonly #sound: Sound;
    readonly #asked = new Map<number, (stats: PlayerStats) => void>();
    #wanted: Wanted;
    #isMuted: boolean;
    #volume: number;
    #canvas: HTMLCanvasElement | undefined;
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
            latencyMs: options.latencyMs ?? DEFAULT_LATENCY_MS,
            rendition: options.rendition ?? "auto",
            isPaused: options.paused ?? false,
            take: 1,
        };
        this.#isMuted = options.muted ?? false;
        this.#volume = options.volume ?? 1;
        this.#engine = beginningOf(this.#wanted);
        this.#worker = openWorker(options.workerUrl);
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
        this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data);
        this.#worker.onerror = (event) => this.#fail(event.message || "it was not loaded");
        this.#listen();
        this.#send({ kind: "want", wanted: this.#wanted });
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
        if (!this.#closing) this.#worker.postMessage(message, transfer);
    }

    #sendSound(link: AudioLink | undefined): void {
        this.#send({ kind: "sound", link }, link ? [link.port] : []);
    }

    #take(message: FromWorker): void {
        switch (message.kind) {
            case "state":
                if (message.take !== this.#wanted.take) break;
                this.#engine = message.state;
                this.#update();
                break;
            case "timing":
                this.#timing = message.timing;
                break;
            case "sound":
                this.#sound.want(message.wanted);
                break;
            case "reconnect":
                this.dispatchEvent(new Event("reconnect"));
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

    #fail(reason: string): void {
        this.#hasFailed = true;
        const message = `The player's worker failed (${reason}). If the page has a Content-Security-Policy, allow blob: in its worker-src, or set workerUrl`;
        this.#engine = {
            ...this.#engine,
            status: "failed",
            error: { code: "no-webcodecs", message, isTransient: false },
        };
        this.#update();
    }

    #compose(): PlayerState {
        const noDevice = {
            code: "no-audio-device" as const,
            message: "There is no device for sound. Connect one; the picture plays without",
            isTransient: true,
        };
        return {
            ...this.#engine,
            error: this.#engine.error ?? (this.#sound.hasFailed ? noDevice : undefined),
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
        this.#want({ latencyMs });
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
        this.#volume = Math.max(0, Math.min(1, volume));
        this.#sound.setVolume(this.#volume);
        this.#update();
    }

    get state(): PlayerState {
        return this.#state;
    }

    get times(): PlayerTimes {
        const { positionUs, newestUs, rate, isRunning, atMs } = this.#timing;
        if (positionUs === undefined) return { currentTime: 0, buffered: undefined };
        const sinceUs = isRunning ? (performance.timeOrigin + performance.now() - atMs) * 1000 * rate : 0;
        const currentTime = (positionUs + sinceUs) / 1e6;
        const end = newestUs === undefined ? currentTime : Math.max(currentTime, newestUs / 1e6);
        return { currentTime, buffered: { start: currentTime, end } };
    }

    get canvas(): HTMLCanvasElement | undefined {
        return this.#canvas;
    }

    attachCanvas(canvas: HTMLCanvasElement): void {
        const offscreen = canvas.transferControlToOffscreen();
        this.#canvas = canvas;
        this.#send({ kind: "canvas", canvas: offscreen }, [offscreen]);
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
        if (this.#closing) return Promise.resolve(this.#stats);
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
            setTimeout(resolve, CLOSE_MS);
        });
        this.#worker.terminate();
        for (const resolve of this.#asked.values()) resolve(this.#stats);
        this.#asked.clear();
        for (const track of this.#captured?.getTracks() ?? []) track.stop();
    }
}
