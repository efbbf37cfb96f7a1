// SPDX-License-Identifier: MIT OR Apache-2.0
// The part of the element that HTMLMediaElement has too: properties, methods and events, as far as they make sense live.
// Other than there, `muted` is true also while the browser holds the sound back, and a new src does not pause.
// Tested by tests/browser/element.mjs.
import type { PlayerApi, PlayerState, PlayerStats } from "../player/index.ts";
import { errorOf, type VideoError } from "./errors.ts";
import { LiveRanges, type TimeSpan } from "./ranges.ts";
import { advance, CURRENT_DATA, IDLE, isSilent, METADATA, pass, type Step } from "./standing.ts";

/** As often as browsers do. */
const TICK_MS = 250;
/** So far behind what was asked for it still counts as live. */
const LIVE_MARGIN_MS = 2_000;

const CONSTANTS = {
    NETWORK_EMPTY: 0,
    NETWORK_IDLE: 1,
    NETWORK_LOADING: 2,
    NETWORK_NO_SOURCE: 3,
    HAVE_NOTHING: 0,
    HAVE_METADATA: 1,
    HAVE_CURRENT_DATA: 2,
    HAVE_FUTURE_DATA: 3,
    HAVE_ENOUGH_DATA: 4,
};

// Servers that render pages import this too; they have no elements.
const Base: typeof HTMLElement = globalThis.HTMLElement ?? Object;

interface Waiter {
    resolve(): void;
    reject(reason: DOMException): void;
}

export abstract class LiveMediaElement extends Base {
    protected player: PlayerApi | undefined;
    protected standing = IDLE;
    #waiters: Waiter[] = [];
    #ticker: ReturnType<typeof setInterval> | undefined;
    #startTime = 0;
    #lastTime = 0;
    #lastEnd = 0;
    #noTracks: TextTrackList | undefined;

    static {
        Object.assign(LiveMediaElement, CONSTANTS);
        Object.assign(LiveMediaElement.prototype, CONSTANTS);
    }

    /** The state has changed: what is seen may have to, too. */
    protected abstract update(): void;

    get state(): PlayerState {
        return this.standing.state;
    }

    get error(): VideoError | null {
        return errorOf(this.state) ?? null;
    }

    get readyState(): number {
        return this.standing.readyState;
    }

    get networkState(): number {
        const { status } = this.state;
        if (status === "idle") return CONSTANTS.NETWORK_EMPTY;
        if (status === "failed") return CONSTANTS.NETWORK_NO_SOURCE;
        return status === "paused" ? CONSTANTS.NETWORK_IDLE : CONSTANTS.NETWORK_LOADING;
    }

    get videoWidth(): number {
        return this.readyState >= METADATA ? this.state.videoWidth : 0;
    }

    get videoHeight(): number {
        return this.readyState >= METADATA ? this.state.videoHeight : 0;
    }

    /** Live has no end. */
    get duration(): number {
        return this.readyState >= METADATA ? Number.POSITIVE_INFINITY : Number.NaN;
    }

    get ended(): boolean {
        return false;
    }

    get seeking(): boolean {
        return false;
    }

    get currentTime(): number {
        return this.readyState >= METADATA ? (this.#span()?.start ?? 0) : 0;
    }

    /** Live can be seen at its end only, and playback is there already, or goes there when it goes on. */
    set currentTime(time: number) {
        if (!Number.isFinite(Number(time))) throw new TypeError("currentTime must be a finite number.");
        if (this.readyState >= METADATA) this.#fire(["seeking", "timeupdate", "seeked"]);
    }

    fastSeek(time: number): void {
        this.currentTime = time;
    }

    get buffered(): TimeRanges {
        return new LiveRanges(this.#span());
    }

    get seekable(): TimeRanges {
        return new LiveRanges(this.#span());
    }

    get played(): TimeRanges {
        if (this.readyState < CURRENT_DATA) return new LiveRanges();
        return new LiveRanges({ start: this.#startTime, end: this.currentTime });
    }

    /** A player that holds nothing, because it is paused for example, still shows the last picture. */
    #span(): TimeSpan | undefined {
        if (!this.player || this.readyState < CURRENT_DATA) return undefined;
        const { buffered } = this.player.times;
        if (buffered) this.#lastTime = buffered.start;
        return buffered ?? { start: this.#lastTime, end: this.#lastTime };
    }

    // Those three are of media-ui-extensions, which media-chrome reads.
    get streamType(): "live" {
        return "live";
    }

    get targetLiveWindow(): number {
        return 0;
    }

    get liveEdgeStart(): number {
        const span = this.#span();
        const { status, latencyMs, neededLatencyMs } = this.state;
        if (!span || (status !== "playing" && status !== "waiting")) return Number.NaN;
        return span.end - (Math.max(latencyMs, neededLatencyMs) + LIVE_MARGIN_MS) / 1_000;
    }

    get playbackRate(): number {
        return this.state.playbackRate;
    }

    /** The player sets the pace. */
    set playbackRate(_rate: number) {}

    get defaultPlaybackRate(): number {
        return 1;
    }

    set defaultPlaybackRate(_rate: number) {}

    get srcObject(): null {
        return null;
    }

    set srcObject(_source: unknown) {}

    /** Catalogs have no text tracks yet. */
    get textTracks(): TextTrackList {
        this.#noTracks ??= document.createElement("video").textTracks;
        return this.#noTracks;
    }

    /** What plays is a broadcast, never a file. */
    canPlayType(_type: string): "" {
        return "";
    }

    get volume(): number {
        return this.state.volume;
    }

    set volume(volume: number) {
        const value = Number(volume);
        if (!Number.isFinite(value)) throw new TypeError("volume must be a finite number.");
        if (value < 0 || value > 1) throw new DOMException("volume must be from 0 to 1.", "IndexSizeError");
        if (value !== this.state.volume)
            this.#change({ volume: value }, (player) => {
                player.volume = value;
            });
    }

    get muted(): boolean {
        return isSilent(this.state);
    }

    set muted(muted: boolean) {
        const isMuted = Boolean(muted);
        // Where the browser holds the sound back, asking for it again in a click is what sets it free.
        if (isMuted !== this.state.isMuted || this.state.isSoundBlocked)
            this.#change({ isMuted }, (player) => {
                player.muted = isMuted;
            });
    }

    get paused(): boolean {
        return this.state.isPaused;
    }

    /** Resolves when media play. A broadcast that is not there yet is waited for. */
    play(): Promise<void> {
        const { error } = this;
        if (error) return Promise.reject(new DOMException(error.message, "NotSupportedError"));
        this.#change({ isPaused: false }, (player) => player.play());
        if (this.state.status === "playing") return Promise.resolve();
        return new Promise((resolve, reject) => {
            this.#waiters.push({ resolve, reject });
        });
    }

    pause(): void {
        this.#change({ isPaused: true }, (player) => player.pause());
    }

    captureStream(): MediaStream {
        if (!this.player) throw new DOMException("Nothing is loaded. Set src first.", "InvalidStateError");
        return this.player.captureStream();
    }

    /** Undefined while nothing is loaded. */
    async getStatistics(): Promise<PlayerStats | undefined> {
        try {
            return await this.player?.stats();
        } catch {
            // The player has been closed in between.
            return undefined;
        }
    }

    /** Without a player the wish is kept for the one to come. */
    #change(wish: Partial<PlayerState>, apply: (player: PlayerApi) => void): void {
        if (this.player) {
            apply(this.player);
            this.takeState();
        } else this.step(advance(this.standing, { ...this.state, ...wish }, performance.now()));
    }

    protected readonly takeState = (): void => {
        if (this.player && this.player.state !== this.state)
            this.step(advance(this.standing, this.player.state, performance.now()));
    };

    protected step(step: Step): void {
        if (step.standing.readyState < CURRENT_DATA) {
            this.#startTime = Number.NaN;
            this.#lastTime = 0;
        }
        this.standing = step.standing;
        if (this.readyState >= CURRENT_DATA && Number.isNaN(this.#startTime)) this.#startTime = this.currentTime;
        this.update();
        this.#fire([...step.events, "statechange"]);
        this.#keepTicking(this.player !== undefined && !this.paused);
    }

    #keepTicking(isWanted: boolean): void {
        if (isWanted === (this.#ticker !== undefined)) return;
        clearInterval(this.#ticker);
        this.#ticker = isWanted ? setInterval(() => this.#tick(), TICK_MS) : undefined;
    }

    #tick(): void {
        const { standing, events } = pass(this.standing, performance.now());
        this.standing = standing;
        const end = this.#span()?.end ?? 0;
        const isNewer = end !== this.#lastEnd;
        this.#lastEnd = end;
        this.#fire([
            ...events,
            ...(this.state.status === "playing" ? ["timeupdate"] : []),
            ...(isNewer ? ["progress"] : []),
        ]);
    }

    /** Later in this turn, so that who has just called can still listen. */
    #fire(events: readonly string[]): void {
        if (events.length > 0)
            queueMicrotask(() => {
                for (const name of events) {
                    this.dispatchEvent(new Event(name));
                    this.#settle(name);
                }
            });
    }

    #settle(event: string): void {
        if (event === "playing") for (const waiter of this.#takeWaiters()) waiter.resolve();
        const reason = this.#reasonOf(event);
        if (reason) for (const waiter of this.#takeWaiters()) waiter.reject(reason);
    }

    #takeWaiters(): Waiter[] {
        const waiters = this.#waiters;
        this.#waiters = [];
        return waiters;
    }

    #reasonOf(event: string): DOMException | undefined {
        if (event === "pause") return new DOMException("play() was interrupted by pause().", "AbortError");
        if (event === "abort") return new DOMException("play() was interrupted by a new load.", "AbortError");
        if (event !== "error") return undefined;
        return new DOMException(this.error?.message ?? "This broadcast cannot be played.", "NotSupportedError");
    }
}
