// SPDX-License-Identifier: MIT OR Apache-2.0
// The publisher's engine: media in, a broadcast on the relay out, and how it all stands.
// Tested by tests/browser/publish.mjs.
import { Connection, type ConnectionState, pathOfUrl, type TrustNews } from "../../transfork/index.ts";
import type { FromWorker, ToWorker } from "../messages.ts";
import type { PublishError, PublishState, PublishStats, RenditionState, VideoSettings } from "../state.ts";
import { NOTHING_PUBLISHED } from "../state.ts";
import { Outlet } from "./outlet.ts";
import { PicturePath } from "./picture.ts";
import { Rate } from "./rate.ts";
import { SoundPath } from "./sound.ts";
import { Uplink } from "./uplink.ts";
import { findObstacle, refused, unreachable } from "./words.ts";

/** The page hears of figures so often. */
const STATS_MS = 100;

const GOODBYE_MS = 100;

const FIRST_SETTINGS: VideoSettings = {
    width: 1280,
    height: 720,
    framerate: 30,
    bitrateBps: undefined,
    keyframeS: 2,
    codec: undefined,
    hasLadder: false,
};

type Part = "connection" | "video" | "sound";

export class Engine {
    readonly #post: (message: FromWorker) => void;
    readonly #now: () => number;
    readonly #video: PicturePath;
    readonly #sound: SoundPath;
    readonly #uplink = new Uplink();
    readonly #frames = new Rate();
    readonly #bits = new Rate();
    #bytes = 0;
    #token = "";
    #connection: Connection | undefined;
    #outlet: Outlet | undefined;
    readonly #errors = new Map<Part, PublishError>();
    readonly #inputs = { video: false, sound: false };
    readonly #renditions = new Map<string, RenditionState>();
    #names: readonly string[] = [];
    #hasSound = false;
    #isStrained = false;
    #instance: string | undefined;
    #told = JSON.stringify(NOTHING_PUBLISHED);
    #timer: ReturnType<typeof setInterval> | undefined;

    constructor(post: (message: FromWorker) => void, now: () => number) {
        this.#post = post;
        this.#now = now;
        this.#video = new PicturePath(FIRST_SETTINGS, this.#pictureSink(), now);
        this.#sound = new SoundPath(this.#soundSink(), now);
    }

    take(message: Exclude<ToWorker, TrustNews>): void {
        switch (message.kind) {
            case "open":
                this.#open(message.url, message.token);
                break;
            case "token":
                this.#token = message.token;
                this.#connection?.hurry();
                break;
            case "settings":
                this.#isStrained = false;
                this.#video.configure(message.settings);
                break;
            case "video":
                this.#inputs.video = message.input !== undefined;
                this.#trouble("video", undefined);
                this.#video.take(message.input);
                break;
            case "sound":
                this.#inputs.sound = message.input !== undefined;
                this.#trouble("sound", undefined);
                this.#sound.take(message.input);
                break;
            case "mute":
                this.#sound.isMuted = message.isMuted;
                break;
            case "hurry":
                this.#connection?.hurry();
                break;
            case "close":
                this.#close();
        }
        this.#tell();
    }

    #open(address: string, token: string): void {
        const obstacle = findObstacle(address);
        this.#trouble("connection", obstacle);
        if (obstacle) return;
        this.#outlet = new Outlet(pathOfUrl(address), {
            nowMs: this.#now,
            wallMs: () => Date.now(),
            onInstance: (instance) => {
                this.#instance = instance;
                this.#tell();
            },
            askForKeyframes: () => this.#video.askForKeyframe(),
        });
        let wasOpen = false;
        this.#token = token;
        this.#connection = new Connection(address, { token: () => this.#token }, (state) => {
            this.#hear(address, state, wasOpen);
            wasOpen ||= state.kind === "open";
        });
        this.#timer = setInterval(() => this.#look(), STATS_MS);
    }

    /** How the network does, for the encoders and for the page. */
    #look(): void {
        const { writtenBytes, unsentBytes } = this.#outlet?.backlog ?? { writtenBytes: 0, unsentBytes: 0 };
        this.#uplink.look(this.#now(), writtenBytes, unsentBytes);
        this.#video.share = this.#uplink.share;
        if (this.#uplink.isFull && !this.#video.isHeld) this.#outlet?.cut();
        this.#video.isHeld = this.#uplink.isFull;
        this.#tell();
        this.#post({ kind: "stats", stats: this.#stats() });
    }

    #hear(address: string, state: ConnectionState, wasOpen: boolean): void {
        if (state.kind === "waiting") this.#trouble("connection", unreachable(address, state.error));
        else if (state.kind === "refused") this.#trouble("connection", refused(state.error, wasOpen));
        else if (state.kind === "open") {
            this.#trouble("connection", undefined);
            this.#uplink.restart();
        }
        // A session that another one follows at once is not told as lost.
        if (state.kind !== "connecting") this.#outlet?.useSession(state.kind === "open" ? state.session : undefined);
        this.#tell();
    }

    #close(): void {
        clearInterval(this.#timer);
        this.#video.take(undefined);
        this.#sound.take(undefined);
        this.#outlet?.close();
        this.#connection?.close();
        // A worker that ends at once takes the goodbye with it.
        setTimeout(() => this.#post({ kind: "closed" }), GOODBYE_MS);
    }

    #pictureSink() {
        return {
            onPlan: (names: readonly string[]) => {
                this.#names = names;
                for (const name of this.#renditions.keys()) if (!names.includes(name)) this.#renditions.delete(name);
                this.#outlet?.plan("video", names);
                this.#tell();
            },
            onTrack: (track: Parameters<Outlet["describe"]>[0] & { kind: "video" }) => {
                const { name, codec, width, height, bitrateBps = 0 } = track;
                this.#renditions.set(name, { name, codec, width, height, bitrateBps });
                this.#outlet?.describe(track);
                this.#tell();
            },
            onEncoded: (frame: Parameters<Outlet["write"]>[0]) => {
                if (frame.name === this.#names[0]) this.#frames.count(this.#now(), 1);
                this.#write(frame);
            },
            onTrouble: (error: PublishError | undefined) => this.#trouble("video", error),
            onStrain: () => {
                this.#isStrained = true;
                this.#tell();
            },
        };
    }

    #soundSink() {
        return {
            onPlan: (names: readonly string[]) => {
                if (names.length === 0) this.#hasSound = false;
                this.#outlet?.plan("audio", names);
                this.#tell();
            },
            onTrack: (track: Parameters<Outlet["describe"]>[0]) => {
                this.#hasSound = true;
                this.#outlet?.describe(track);
                this.#tell();
            },
            onEncoded: (frame: Parameters<Outlet["write"]>[0]) => this.#write(frame),
            onTrouble: (error: PublishError | undefined) => this.#trouble("sound", error),
        };
    }

    #write(frame: Parameters<Outlet["write"]>[0]): void {
        this.#bytes += frame.data.length;
        this.#bits.count(this.#now(), frame.data.length * 8);
        this.#outlet?.write(frame);
    }

    #trouble(part: Part, error: PublishError | undefined): void {
        if (error) this.#errors.set(part, error);
        else if (!this.#errors.delete(part)) return;
        this.#tell();
    }

    #state(): PublishState {
        const error = this.#errors.get("connection") ?? this.#errors.get("video") ?? this.#errors.get("sound");
        const isIdle = !this.#inputs.video && !this.#inputs.sound;
        const hasFailed = error && !error.isTransient && !this.#instance;
        return {
            status: hasFailed ? "failed" : isIdle ? "idle" : this.#instance ? "live" : "connecting",
            error,
            instance: this.#instance,
            renditions: this.#names.map((name) => this.#renditions.get(name)).filter((one) => one !== undefined),
            hasSound: this.#hasSound,
            isStrained: this.#isStrained,
            isNetworkSlow: this.#uplink.share < 1,
            isSoundBlocked: false,
        };
    }

    #tell(): void {
        const state = this.#state();
        const text = JSON.stringify(state);
        if (text === this.#told) return;
        this.#told = text;
        this.#post({ kind: "state", state });
    }

    #stats(): PublishStats {
        const nowMs = this.#now();
        return {
            framesEncoded: this.#video.encoded,
            framesDropped: this.#video.dropped,
            framesPerSecond: this.#frames.perSecond(nowMs),
            bitrateBps: this.#bits.perSecond(nowMs),
            bytes: this.#bytes,
            soundLevel: this.#sound.level,
            isWatched: this.#outlet?.isWatched ?? false,
        };
    }
}
