// SPDX-License-Identifier: MIT OR Apache-2.0
// The page's half of sound: makes an output for what the broadcast sends, once the browser allows sound, and gives it to the worker
// when it runs. While it is not allowed, the worker fetches no sound at all.
import type { AudioLink, AudioOutputApi } from "./audio/link.ts";

export interface Format {
    sampleRate: number;
    channels: number;
}

export interface SoundParts {
    create(format: Format): AudioOutputApi;
    /** Sound goes there from now on; undefined: nowhere. */
    send(link: AudioLink | undefined): void;
    /** `isBlocked`, `failure` or the track to capture has changed. */
    changed(): void;
    /** Whether the viewer has done anything on this page, so that sound may begin. */
    hasClicked(): boolean;
}

export class Sound {
    readonly #parts: SoundParts;
    #format: Format | undefined;
    #output: AudioOutputApi | undefined;
    #isSent = false;
    /** Why the browser has no sound at all. */
    #obstacle: string | undefined;
    #isMuted: boolean;
    #volume: number;

    constructor(parts: SoundParts, isMuted: boolean, volume: number) {
        this.#parts = parts;
        this.#isMuted = isMuted;
        this.#volume = volume;
    }

    /** Sound that is wanted, and not allowed before a click. */
    get isBlocked(): boolean {
        return this.#format !== undefined && !this.#isMuted && this.#output?.state === "blocked";
    }

    /** Why nothing can be heard, for people. */
    get failure(): string | undefined {
        if (this.#output?.state !== "failed") return this.#obstacle;
        return this.#output.reason ?? "there is no audio device";
    }

    get captureTrack(): MediaStreamTrack | undefined {
        return this.#output?.state === "running" ? this.#output.captureTrack() : undefined;
    }

    /** What the broadcast sends; undefined: no sound. */
    want(format: Format | undefined): void {
        const { sampleRate, channels } = this.#format ?? {};
        if (format?.sampleRate === sampleRate && format?.channels === channels) return;
        this.#format = format;
        this.#drop();
        this.#make();
    }

    setMuted(isMuted: boolean): void {
        this.#isMuted = isMuted;
        if (this.#output) this.#output.muted = isMuted;
        this.#make();
    }

    setVolume(volume: number): void {
        this.#volume = volume;
        if (this.#output) this.#output.volume = volume;
    }

    /** To be called in a click. */
    unlock(): void {
        this.#make();
        this.#output?.unlock().then(
            () => this.#update(),
            () => this.#update(),
        );
    }

    /** A muted player waits for a click: a context that may not begin makes browsers complain. */
    #make(): void {
        if (
            this.#output ||
            this.#obstacle !== undefined ||
            !this.#format ||
            (this.#isMuted && !this.#parts.hasClicked())
        )
            return;
        const output = this.#create(this.#format);
        if (!output) return;
        this.#output = output;
        output.volume = this.#volume;
        output.muted = this.#isMuted;
        output.addEventListener("state", () => {
            if (this.#output === output) this.#update();
        });
        this.#update();
    }

    #create(format: Format): AudioOutputApi | undefined {
        try {
            return this.#parts.create(format);
        } catch (error) {
            this.#obstacle = `the browser has none (${error})`;
            this.#parts.changed();
            return undefined;
        }
    }

    #update(): void {
        const output = this.#output;
        if (output?.state === "running" && !this.#isSent) {
            this.#isSent = true;
            this.#parts.send(output.link);
        }
        this.#parts.changed();
    }

    #drop(): void {
        if (this.#isSent) this.#parts.send(undefined);
        this.#isSent = false;
        this.#output?.close().catch(() => {});
        this.#output = undefined;
    }

    close(): void {
        this.#format = undefined;
        this.#drop();
    }
}
