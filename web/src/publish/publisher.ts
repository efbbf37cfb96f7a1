// SPDX-License-Identifier: MIT OR Apache-2.0
// A broadcast from this page, without any controls: tracks in, an instance on the relay out. Everything but the tracks is in a
// worker, so that a busy page does not disturb it.
// Tested by tests/browser/publish.mjs.
import { sharedTrust } from "../transfork/index.ts";
import { type Captured, captureSound, captureVideo } from "./capture.ts";
import type { FromWorker, SoundInput, ToWorker, VideoInput } from "./messages.ts";
import {
    NO_STATS,
    NOTHING_PUBLISHED,
    type PublisherOptions,
    type PublishState,
    type PublishStats,
    type VideoSettings,
} from "./state.ts";
import { openWorker } from "./worker.ts";

/** After that, a worker that does not answer is ended. */
const CLOSE_MS = 1000;

/** What one kind of track needs. */
interface Lane<Input> {
    track: MediaStreamTrack | undefined;
    captured: Captured<Input> | undefined;
}

/** Events: "statechange", and "statschange" ten times a second. */
export class Publisher extends EventTarget {
    readonly #worker: Worker;
    readonly #workletUrl: string | undefined;
    readonly #life = new AbortController();
    readonly #video: Lane<VideoInput> = { track: undefined, captured: undefined };
    readonly #sound: Lane<SoundInput> = { track: undefined, captured: undefined };
    #isMuted = false;
    #isSoundBlocked = false;
    #state = NOTHING_PUBLISHED;
    #stats = NO_STATS;

    constructor(options: PublisherOptions) {
        super();
        this.#workletUrl = options.workletUrl;
        this.#worker = openWorker(options.workerUrl);
        this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data);
        this.#worker.onerror = (event) => this.#fail(event.message || "it was not loaded");
        const { signal } = this.#life;
        const hurry = () => this.#send({ kind: "hurry" });
        addEventListener("online", hurry, { signal });
        document.addEventListener("visibilitychange", hurry, { signal });
        this.configure(options);
        for (const news of sharedTrust.news) this.#send(news);
        this.#send({ kind: "open", url: options.url, token: options.token ?? "" });
    }

    get state(): PublishState {
        return this.#state;
    }

    get stats(): PublishStats {
        return this.#stats;
    }

    get muted(): boolean {
        return this.#isMuted;
    }

    /** Silence is sent in place of sound. */
    set muted(isMuted: boolean) {
        this.#isMuted = isMuted;
        this.#send({ kind: "mute", isMuted });
    }

    /** For the next connection, and at once if the relay has refused the last one. */
    set token(token: string) {
        this.#send({ kind: "token", token });
    }

    /** From now on the picture is encoded like this. */
    configure({ width, height, framerate, bitrateBps, keyframeS, codec, hasLadder }: VideoSettings): void {
        const settings = { width, height, framerate, bitrateBps, keyframeS, codec, hasLadder };
        this.#send({ kind: "settings", settings });
    }

    /** These tracks are published from now on; undefined: none of that kind. They stay the caller's, who stops them. */
    setTracks(video: MediaStreamTrack | undefined, sound: MediaStreamTrack | undefined): void {
        if (video !== this.#video.track) {
            this.#video.captured?.stop();
            this.#video.track = video;
            this.#video.captured = video && captureVideo(video);
            const { input, transfer = [] } = this.#video.captured ?? {};
            this.#send({ kind: "video", input }, transfer);
        }
        if (sound !== this.#sound.track) {
            this.#sound.captured?.stop();
            this.#sound.track = sound;
            this.#sound.captured =
                sound && captureSound(sound, this.#workletUrl, (isBlocked) => this.#block(isBlocked));
            const { input, transfer = [] } = this.#sound.captured ?? {};
            this.#send({ kind: "sound", input }, transfer);
        }
    }

    close(): void {
        if (this.#life.signal.aborted) return;
        this.#video.captured?.stop();
        this.#sound.captured?.stop();
        this.#send({ kind: "close" });
        this.#life.abort();
        setTimeout(() => this.#worker.terminate(), CLOSE_MS);
    }

    #send(message: ToWorker, transfer: Transferable[] = []): void {
        if (!this.#life.signal.aborted) this.#worker.postMessage(message, transfer);
    }

    #take(message: FromWorker): void {
        if (message.kind === "closed") {
            this.#worker.terminate();
        } else if (this.#life.signal.aborted) {
            return;
        } else if (message.kind === "state") {
            this.#state = { ...message.state, isSoundBlocked: this.#isSoundBlocked };
            this.dispatchEvent(new Event("statechange"));
        } else if (message.kind === "trust") {
            sharedTrust.hear(message);
        } else {
            this.#stats = message.stats;
            this.dispatchEvent(new Event("statschange"));
        }
    }

    #block(isSoundBlocked: boolean): void {
        if (isSoundBlocked === this.#isSoundBlocked) return;
        this.#isSoundBlocked = isSoundBlocked;
        this.#state = { ...this.#state, isSoundBlocked };
        this.dispatchEvent(new Event("statechange"));
    }

    #fail(reason: string): void {
        const message = `The publisher's worker failed (${reason}). If the page has a Content-Security-Policy, allow worker-src blob: or set workerUrl`;
        this.#state = {
            ...this.#state,
            status: "failed",
            error: { code: "no-webcodecs", message, isTransient: false },
        };
        this.dispatchEvent(new Event("statechange"));
    }
}
