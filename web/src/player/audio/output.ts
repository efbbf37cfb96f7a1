// SPDX-License-Identifier: MIT OR Apache-2.0
// The page's side of sound: owns the AudioContext with the worklet in it, sets the volume, and tells the worker's clock when what
// is played is heard. Without a device the state is "failed" and the worker's clock stays undefined; pictures go on alone.
// Tested by tests/browser/audio.mjs.
import { ClockOffset } from "./clock.ts";
import { whatIsHeard } from "./heard.ts";
import type { AudioLink, AudioOutputApi } from "./link.ts";
import { type Memory, type Message, memorySize, openMemory, Page } from "./memory.ts";
import { code } from "./processor.ts?worklet";
import { MAX_CHANNELS, speakerCount } from "./speakers.ts";

/** What contexts can be made with. */
const MIN_SAMPLE_RATE = 8000;
const MAX_SAMPLE_RATE = 192000;
/** How often the clocks of page and device are compared. */
const SAMPLE_MS = 200;
/** A context that is allowed to run does so within this time. */
const GRACE_MS = 500;
/** With a click it does within this time, or there is no device. */
const DEVICE_MS = 3000;
/** A running context whose time does not move has lost its device. */
const STALL_MS = 2000;
/** Time constant of a change of volume. */
const RAMP_SECONDS = 0.015;

export interface AudioOutputOptions {
    sampleRate: number;
    channels: number;
    /** Where dist/audio-worklet.js is, for pages whose Content-Security-Policy allows no blob: in script-src. */
    workletUrl?: string | undefined;
}

export class AudioOutput extends EventTarget implements AudioOutputApi {
    readonly link: AudioLink;
    /** Why the state is "failed", for people. */
    reason: string | undefined;
    readonly #memory: Memory;
    readonly #offset = new ClockOffset();
    readonly #context: AudioContext | undefined;
    readonly #gain: GainNode | undefined;
    readonly #timer: ReturnType<typeof setInterval> | undefined;
    #node: AudioWorkletNode | undefined;
    #capture: MediaStreamAudioDestinationNode | undefined;
    #state: AudioOutputApi["state"] = "running";
    #volume = 1;
    #isMuted = false;
    /** It does not run again by itself. */
    #isBroken = false;
    #lastTime = -1;
    #movedAtMs = 0;

    constructor({ sampleRate, channels, workletUrl }: AudioOutputOptions) {
        super();
        const rate = Math.min(MAX_SAMPLE_RATE, Math.max(MIN_SAMPLE_RATE, Math.round(sampleRate))) || 48000;
        const count = Math.min(MAX_CHANNELS, Math.max(1, Math.round(channels))) || 2;
        const speakers = speakerCount(count);
        const shared = globalThis.crossOriginIsolated ? new SharedArrayBuffer(memorySize(rate, speakers)) : undefined;
        const { port1, port2 } = new MessageChannel();
        this.link = { sampleRate: rate, channels: count, shared, port: port1 };
        this.#memory = openMemory(rate, shared ? speakers : 0, shared);
        try {
            this.#context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
        } catch (error) {
            this.#fail(`the browser opens no audio device: ${error}`, true);
            return;
        }
        const context = this.#context;
        // Most likely; the context tells soon.
        if (!isAllowed(context)) this.#state = "blocked";
        this.#gain = context.createGain();
        this.#gain.connect(context.destination);
        const { destination } = context;
        if (speakers > 2 && destination.maxChannelCount > 2) {
            destination.channelCount = Math.min(speakers, destination.maxChannelCount);
        }
        context.onstatechange = () => this.#follow(context);
        context.addEventListener("error", () => this.#fail("the audio device cannot be used"));
        this.#timer = setInterval(() => this.#compareClocks(context), SAMPLE_MS);
        void this.#load(context, workletUrl, port2, speakers);
        void this.#watchStart(context);
    }

    get state(): AudioOutputApi["state"] {
        return this.#state;
    }

    get volume(): number {
        return this.#volume;
    }

    set volume(volume: number) {
        this.#volume = Math.min(1, Math.max(0, volume)) || 0;
        this.#setGain();
    }

    get muted(): boolean {
        return this.#isMuted;
    }

    set muted(isMuted: boolean) {
        this.#isMuted = isMuted;
        this.#setGain();
    }

    async unlock(): Promise<boolean> {
        const context = this.#context;
        if (!context || this.#state === "closed") return false;
        // Waits for ever if it is not allowed, or there is no device.
        context.resume().catch(() => {});
        await waitForRunning(context, isAllowed(context) ? DEVICE_MS : GRACE_MS);
        this.#explain(context, isAllowed(context));
        return this.state === "running";
    }

    /** What is played, before volume and mute; the same track until it is stopped. */
    captureTrack(): MediaStreamTrack {
        if (!this.#context || this.#state === "closed")
            throw new DOMException("there is no sound", "InvalidStateError");
        if (this.#capture?.stream.active !== true) {
            if (this.#capture) this.#node?.disconnect(this.#capture);
            this.#capture = this.#context.createMediaStreamDestination();
            this.#node?.connect(this.#capture);
        }
        const [track] = this.#capture.stream.getAudioTracks();
        if (!track) throw new DOMException("there is no sound", "InvalidStateError");
        return track;
    }

    async close(): Promise<void> {
        if (this.#state === "closed") return;
        clearInterval(this.#timer);
        this.#setState("closed");
        this.#node?.port.postMessage({ isClosed: true } satisfies Message);
        this.#node?.disconnect();
        await this.#context?.close().catch(() => {});
    }

    async #load(
        context: AudioContext,
        workletUrl: string | undefined,
        port: MessagePort,
        channels: number,
    ): Promise<void> {
        const url = workletUrl ?? URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
        try {
            await context.audioWorklet.addModule(url);
            if (this.#state === "closed") return;
            const node = new AudioWorkletNode(context, "moq-audio", {
                numberOfInputs: 0,
                outputChannelCount: [channels],
                processorOptions: { channels, shared: this.link.shared },
            });
            node.onprocessorerror = () => this.#fail("the audio worklet has failed", true);
            node.port.postMessage({ port } satisfies Message, [port]);
            if (this.#gain) node.connect(this.#gain);
            if (this.#capture) node.connect(this.#capture);
            this.#memory.page.send = (page) => node.port.postMessage({ page } satisfies Message);
            this.#node = node;
            this.#tellWorker();
        } catch (error) {
            const hint = workletUrl
                ? `is ${url} there?`
                : "does the page's script-src allow blob:? Else set workletUrl";
            this.#fail(`the audio worklet cannot be loaded (${error}): ${hint}`, true);
        } finally {
            if (!workletUrl) URL.revokeObjectURL(url);
        }
    }

    /** A context begins by itself soon, or not at all. What was allowed at first counts: a click afterwards begins nothing. */
    async #watchStart(context: AudioContext): Promise<void> {
        const wasAllowed = isAllowed(context);
        await waitForRunning(context, wasAllowed ? DEVICE_MS : GRACE_MS);
        this.#explain(context, wasAllowed);
    }

    /** It is suspended: why? */
    #explain(context: AudioContext, wasAllowed: boolean): void {
        if (context.state === "running") return;
        if (wasAllowed) this.#fail("there is no audio device");
        else this.#setState("blocked");
    }

    #fail(reason: string, isFinal = false): void {
        if (this.#isBroken) return;
        this.#isBroken = isFinal;
        this.reason = reason;
        this.#setState("failed");
    }

    #setState(state: AudioOutputApi["state"]): void {
        if (this.#state === state || this.#state === "closed" || (this.#isBroken && state === "running")) return;
        this.#state = state;
        if (state !== "failed") this.reason = undefined;
        this.#tellWorker();
        this.dispatchEvent(new Event("state"));
    }

    /** Where the context leads: it may also be interrupted, by a phone call for example. */
    #follow(context: AudioContext): void {
        if (context.state === "running") {
            this.#offset.reset();
            this.#setState("running");
            this.#compareClocks(context);
        } else if (context.state === "closed") this.#fail("something on the page has closed it", true);
        else if (this.#state === "running") this.#setState("blocked");
    }

    #compareClocks(context: AudioContext): void {
        if (context.state !== "running") return;
        const nowMs = performance.now();
        const { currentTime } = context;
        if (currentTime !== this.#lastTime) {
            this.#lastTime = currentTime;
            this.#movedAtMs = nowMs;
            this.#setState("running");
        } else if (nowMs - this.#movedAtMs > STALL_MS) this.#fail("the audio device stands still");
        const { contextMs, atMs } = whatIsHeard(context, nowMs);
        this.#offset.add(contextMs, atMs);
        this.#tellWorker();
    }

    #tellWorker(): void {
        const { page } = this.#memory;
        page.values[Page.offsetMs] = this.#offset.offsetMs;
        page.values[Page.isRunning] = this.#state === "running" && this.#context?.state === "running" ? 1 : 0;
        page.publish();
    }

    #setGain(): void {
        const volume = this.#isMuted ? 0 : this.#volume;
        this.#gain?.gain.setTargetAtTime(volume, this.#context?.currentTime ?? 0, RAMP_SECONDS);
    }
}

/** Whether sound may run without a click. */
function isAllowed(context: AudioContext): boolean {
    if (navigator.userActivation?.hasBeenActive) return true;
    // Firefox says it without a click.
    const browser: Navigator & { getAutoplayPolicy?: (context: AudioContext) => string } = navigator;
    return browser.getAutoplayPolicy?.(context) === "allowed";
}

function waitForRunning(context: AudioContext, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
        const finish = () => {
            if (context.state === "suspended" && performance.now() < endMs) return;
            clearTimeout(timer);
            context.removeEventListener("statechange", finish);
            resolve();
        };
        const endMs = performance.now() + limitMs;
        const timer = setTimeout(finish, limitMs + 1);
        context.addEventListener("statechange", finish);
        finish();
    });
}
