// SPDX-License-Identifier: MIT OR Apache-2.0
// A player without network, for tests of the element: a test says what happens to it, and reads what it was told.
import type { PlayerApi, PlayerError, PlayerOptions, PlayerState, PlayerStats } from "../../src/player/index.ts";

const BEGINNING: PlayerState = {
    status: "connecting",
    error: undefined,
    videoWidth: 0,
    videoHeight: 0,
    hasVideo: false,
    hasAudio: false,
    renditions: [],
    rendition: undefined,
    isPaused: false,
    isMuted: false,
    volume: 1,
    isSoundBlocked: false,
    latencyMs: 300,
    neededLatencyMs: 120,
    playbackRate: 1,
};

const RENDITIONS = [
    { name: "hd", width: 1920, height: 1080, bitrateBps: 4_500_000, codec: "avc1.640028" },
    { name: "sd", width: 1280, height: 720, bitrateBps: 1_800_000, codec: "avc1.64001f" },
    { name: "ld", width: 640, height: 360, bitrateBps: 600_000, codec: "avc1.64001e" },
];

export class FakePlayer extends EventTarget implements PlayerApi {
    static all: FakePlayer[] = [];
    readonly calls: string[] = [];
    readonly options: PlayerOptions;
    canvas: HTMLCanvasElement | undefined;
    state: PlayerState;
    times = { currentTime: 0, buffered: undefined as { start: number; end: number } | undefined };
    isClosed = false;
    #src: string;
    #token: string;
    #rendition: string;
    #context: OffscreenCanvasRenderingContext2D | null = null;
    #timer: ReturnType<typeof setInterval> | undefined;

    constructor(options: PlayerOptions) {
        super();
        this.options = options;
        this.#src = options.src ?? "";
        this.#token = options.token ?? "";
        this.#rendition = options.rendition ?? "auto";
        this.state = {
            ...BEGINNING,
            status: options.paused ? "paused" : "connecting",
            isPaused: options.paused ?? false,
            isMuted: options.muted ?? false,
            volume: options.volume ?? 1,
            latencyMs: options.latencyMs ?? 300,
        };
        FakePlayer.all.push(this);
    }

    /** The state changes, as that of a player does: a new object, then the event. */
    set(change: Partial<PlayerState>): void {
        this.state = { ...this.state, ...change };
        this.dispatchEvent(new Event("state"));
    }

    /** From connecting to a picture, with the steps between. */
    show(change: Partial<PlayerState> = {}): void {
        const chosenBy = "player" as const;
        this.set({
            status: "loading",
            hasVideo: true,
            hasAudio: true,
            renditions: RENDITIONS,
            rendition: { name: "sd", chosenBy },
            ...change,
        });
        this.times = { currentTime: 100, buffered: { start: 100, end: 100.3 } };
        this.#timer ??= setInterval(() => this.#draw(), 40);
        this.set({ status: "playing", videoWidth: 1280, videoHeight: 720, ...change });
    }

    fail(error: PlayerError): void {
        this.set({ status: error.isTransient ? this.state.status : "failed", error });
        this.dispatchEvent(new Event("error"));
    }

    get src(): string {
        return this.#src;
    }

    set src(src: string) {
        this.calls.push(`src ${src}`);
        this.#src = src;
        this.#begin();
    }

    get token(): string {
        return this.#token;
    }

    set token(token: string) {
        this.calls.push(`token ${token}`);
        this.#token = token;
    }

    get latencyMs(): number {
        return this.state.latencyMs;
    }

    set latencyMs(latencyMs: number) {
        this.calls.push(`latency ${latencyMs}`);
        this.set({ latencyMs });
    }

    get muted(): boolean {
        return this.state.isMuted;
    }

    set muted(isMuted: boolean) {
        this.calls.push(isMuted ? "mute" : "unmute");
        this.set({ isMuted, isSoundBlocked: isMuted && this.state.isSoundBlocked });
    }

    get volume(): number {
        return this.state.volume;
    }

    set volume(volume: number) {
        this.calls.push(`volume ${volume}`);
        this.set({ volume });
    }

    get rendition(): string {
        return this.#rendition;
    }

    set rendition(rendition: string) {
        this.calls.push(`rendition ${rendition}`);
        this.#rendition = rendition;
        const chosenBy = rendition === "auto" ? "player" : "viewer";
        this.set({ rendition: { name: rendition === "auto" ? "sd" : rendition, chosenBy } });
    }

    attachCanvas(canvas: HTMLCanvasElement): void {
        this.calls.push("canvas");
        this.canvas = canvas;
        const picture = canvas.transferControlToOffscreen();
        picture.width = 1280;
        picture.height = 720;
        this.#context = picture.getContext("2d");
    }

    play(): void {
        this.calls.push("play");
        if (this.state.isPaused)
            this.set({ isPaused: false, status: this.state.videoWidth > 0 ? "playing" : "connecting" });
    }

    pause(): void {
        this.calls.push("pause");
        if (!this.state.isPaused) this.set({ isPaused: true, status: "paused" });
    }

    load(): void {
        this.calls.push("load");
        this.#begin();
    }

    async stats(): Promise<PlayerStats> {
        return {
            latencyMs: 284,
            bufferMs: 240,
            rateBps: 1_834_000,
            rttMs: 23,
            framesShown: 5_321,
            framesLate: 4,
            framesDropped: 12,
            groupsSkipped: 1,
            audioUnderruns: 0,
            reconnects: 1,
            version: "moq-transfork-04",
            videoCodec: "avc1.64001f",
            audioCodec: "opus",
            rendition: this.state.rendition?.name,
            chosenBy: this.state.rendition?.chosenBy,
            drawnBy: "2d",
        };
    }

    captureStream(): MediaStream {
        this.calls.push("capture");
        return this.canvas?.captureStream() ?? new MediaStream();
    }

    async close(): Promise<void> {
        this.isClosed = true;
        clearInterval(this.#timer);
    }

    #begin(): void {
        clearInterval(this.#timer);
        this.#timer = undefined;
        const { isPaused, isMuted, volume, latencyMs } = this.state;
        const status = !this.#src ? "idle" : isPaused ? "paused" : "connecting";
        this.state = { ...BEGINNING, isPaused, isMuted, volume, latencyMs, status };
        this.dispatchEvent(new Event("state"));
    }

    /** A bright picture, on which light text would not be read. */
    #draw(): void {
        if (this.state.isPaused) return;
        const { times } = this;
        times.currentTime += 0.04;
        times.buffered = { start: times.currentTime, end: times.currentTime + 0.3 };
        const context = this.#context;
        if (!context) return;
        ["#fff", "#ff0", "#0ff", "#0f0", "#f0f", "#f00", "#00f", "#eee"].forEach((colour, column) => {
            context.fillStyle = colour;
            context.fillRect(column * 160, 0, 160, 720);
        });
        context.fillStyle = "#222";
        context.fillRect((times.currentTime * 200) % 1280, 320, 80, 80);
    }
}
