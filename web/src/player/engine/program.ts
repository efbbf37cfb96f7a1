// SPDX-License-Identifier: MIT OR Apache-2.0
// One instance of a broadcast: which of its tracks are played, and their subscriptions. It asks again when one of them ends while the
// catalog still has it, and moves to another session without a break.
// Tested by tests/browser/player.mjs.
import { type AudioTrack, type Catalog, laddersOf, readMediaFrame, type VideoTrack } from "../../karp/index.ts";
import type { Path, Session } from "../../transfork/index.ts";
import type { AudioFeedApi } from "../audio/link.ts";
import type { ChosenBy, PlayerError, Rendition } from "../state.ts";
import type { Lane } from "./arrival.ts";
import { candidatesOf, chooseTrack, Estimate } from "./choose.ts";
import type { Usable } from "./configs.ts";
import { createPlayback } from "./decoding.ts";
import { RateMeter } from "./meter.ts";
import type { Screen } from "./render.ts";
import { Source } from "./source.ts";
import { trackMissing, unreadableFrames } from "./words.ts";

/** A hidden picture's subscription is kept so long, for those who only look away. */
const HIDDEN_KEPT_MS = 3000;
/** A track that ended or failed is asked for again after this, twice as long each time, up to the second. */
const RETRY_MS = 250;
const MAX_RETRY_MS = 4000;
/** Failing so often in a row is worth a message: this is the wait after the third time. */
const TOLD_RETRY_MS = 4 * RETRY_MS;
/** So is a track that is not refused, and of which nothing has come after so long. */
const SILENT_MS = 10_000;
/** A relay need not send what is older than what we can play; a little longer, because a target may grow. */
const EXPIRES_MARGIN_MS = 100;
/** The wish is told again when it has changed by so much. */
const EXPIRES_STEP_MS = 100;
const LOOK_EVERY_MS = 250;
/** Of our own estimate: playback that is so much further behind than it should be is in trouble. */
const TROUBLED_BEHIND_MS = 500;
/** The same if the newest picture that has arrived is so old; publishers that send whole groups at once reach a second. */
const TROUBLED_LAG_MS = 1500;

export interface ProgramParts {
    screen: Screen;
    now(): number;
    wake(): void;
    trouble(error: PlayerError): void;
    /** Sound comes out with this format. */
    format(sampleRate: number, channels: number): void;
    /** What the session's path carries, if the browser knows. */
    rateBps(): number | undefined;
}

/** What the viewer wants of it. */
export interface Orders {
    latencyMs: number;
    rendition: string;
    isPaused: boolean;
    isSeen: boolean;
}

interface Attempt {
    retryMs: number;
    atMs: number;
    /** When it was first asked for; undefined: it is not, or something has come. */
    askedMs: number | undefined;
}

function firstAttempt(): Attempt {
    return { retryMs: RETRY_MS, atMs: 0, askedMs: undefined };
}

export class Program {
    readonly instance: string;
    readonly playback: ReturnType<typeof createPlayback>;
    readonly meter = new RateMeter();
    readonly #parts: ProgramParts;
    readonly #estimate = new Estimate();
    readonly #attempts: Record<Lane, Attempt> = {
        video: firstAttempt(),
        audio: firstAttempt(),
    };
    readonly #sources: { video?: Source<VideoTrack>; audio?: Source<AudioTrack> } = {};
    #orders: Orders;
    #session: Session | undefined;
    #path: Path = [];
    #catalog: Catalog = { video: [], audio: [] };
    #usable: Usable = { video: [], audio: [] };
    #chosen: { track: VideoTrack; chosenBy: ChosenBy } | undefined;
    #hiddenSinceMs: number | undefined;
    #expiresMs = 0;
    #lookedMs = 0;
    #missed = 0;
    #hasFeed = false;

    constructor(instance: string, orders: Orders, parts: ProgramParts) {
        this.instance = instance;
        this.#parts = parts;
        this.#orders = orders;
        this.playback = createPlayback(orders.latencyMs, {
            screen: parts.screen,
            wake: parts.wake,
            trouble: parts.trouble,
            format: parts.format,
        });
    }

    get renditions(): Rendition[] {
        const automatic = this.#automaticNames();
        return this.#usable.video
            .filter((track) => !automatic.has(track.name))
            .map(({ name, width, height, codec, bitrateBps }) => ({
                name,
                width,
                height,
                codec,
                ...(bitrateBps !== undefined && { bitrateBps }),
            }));
    }

    #automaticNames(): Set<string> {
        const names = new Set<string>();
        for (const { automatic } of laddersOf(this.#catalog)) if (automatic) names.add(automatic.name);
        return names;
    }

    /** What is played, by whose choice. Which one the relay sends, the size of its pictures tells. */
    get rendition(): { name: string; chosenBy: ChosenBy } | undefined {
        const chosen = this.#chosen;
        if (!chosen) return undefined;
        if (chosen.chosenBy !== "relay") return { name: chosen.track.name, chosenBy: chosen.chosenBy };
        const { codedWidth, codedHeight } = this.#parts.screen;
        const served = this.renditions.find(({ width, height }) => width === codedWidth && height === codedHeight);
        return { name: served?.name ?? chosen.track.name, chosenBy: "relay" };
    }

    get videoTrack(): VideoTrack | undefined {
        return this.#chosen?.track;
    }

    get audioTrack(): AudioTrack | undefined {
        return this.#usable.audio[0];
    }

    /** A catalog on this session: the first one, or a newer one. */
    serve(session: Session, path: Path, catalog: Catalog, usable: Usable): void {
        this.#path = path;
        this.#catalog = catalog;
        this.#usable = usable;
        this.#choose();
        if (session === this.#session) this.#subscribe(false);
        else this.moveTo(session);
    }

    /** Goes on with another session. */
    moveTo(session: Session): void {
        this.#session = session;
        for (const lane of ["video", "audio"] as const) this.#forgetAttempts(lane);
        this.#subscribe(true);
    }

    /** The session is gone. What has arrived is played. */
    loseSession(): void {
        this.#session = undefined;
    }

    setFeed(feed: AudioFeedApi | undefined): void {
        this.#hasFeed = feed !== undefined;
        this.playback.setFeed(feed);
        this.#subscribe(false);
    }

    order(orders: Orders): void {
        const nowMs = this.#parts.now();
        const wasPaused = this.#orders.isPaused;
        const isOther = orders.rendition !== this.#orders.rendition;
        this.#orders = orders;
        this.playback.setLatency(orders.latencyMs, nowMs);
        this.playback.setSeen(orders.isSeen, nowMs);
        this.#hiddenSinceMs = orders.isSeen ? undefined : (this.#hiddenSinceMs ?? nowMs);
        if (isOther) this.#choose();
        if (orders.isPaused && !wasPaused) this.#stop();
        this.#subscribe(false);
    }

    #stop(): void {
        this.playback.playVideo(undefined);
        this.playback.playSound(undefined);
        delete this.#sources.video;
        delete this.#sources.audio;
        this.playback.restart();
        this.playback.arrivals.reset();
    }

    #candidates(): VideoTrack[] {
        return candidatesOf(this.#usable.video, laddersOf(this.#catalog));
    }

    #choose(): void {
        const chosen = chooseTrack(this.#orders.rendition, this.#usable.video, laddersOf(this.#catalog), () =>
            this.#estimate.pick(this.#candidates(), this.#parts.rateBps()),
        );
        // The same track of a newer catalog is the same: it goes on.
        const isSame = JSON.stringify(chosen?.track) === JSON.stringify(this.#chosen?.track);
        this.#chosen = chosen && isSame && this.#chosen ? { ...chosen, track: this.#chosen.track } : chosen;
    }

    /** Makes the subscriptions what they should be. `isAnew`: those that there are belong to a session that is gone. */
    #subscribe(isAnew: boolean): void {
        const { isPaused } = this.#orders;
        const isHidden = this.#hiddenSinceMs !== undefined && this.#parts.now() - this.#hiddenSinceMs > HIDDEN_KEPT_MS;
        const isDrawn = this.#parts.screen.isThere && !isHidden;
        this.#subscribeVideo(isPaused || !isDrawn ? undefined : this.#chosen?.track, isAnew);
        this.#subscribeAudio(isPaused || !this.#hasFeed ? undefined : this.audioTrack, isAnew);
    }

    #subscribeVideo(track: VideoTrack | undefined, isAnew: boolean): void {
        const present = this.#sources.video;
        if (!track) {
            if (present) this.playback.playVideo(undefined);
            delete this.#sources.video;
            this.#attempts.video.askedMs = undefined;
        } else if (isAnew || present?.track !== track || present.isEnded) {
            const source = this.#open(
                "video",
                track,
                track.priority,
                present !== undefined && !isAnew && !present.isEnded,
            );
            if (!source) return;
            this.#sources.video = source;
            this.playback.playVideo(source);
        }
    }

    #subscribeAudio(track: AudioTrack | undefined, isAnew: boolean): void {
        const present = this.#sources.audio;
        if (!track) {
            if (present) this.playback.playSound(undefined);
            delete this.#sources.audio;
            this.#attempts.audio.askedMs = undefined;
        } else if (isAnew || present?.isEnded || JSON.stringify(present?.track) !== JSON.stringify(track)) {
            // Sound is the clock, and small: it goes before the pictures whatever their priorities.
            const above = Math.min(127, (this.#chosen?.track.priority ?? -128) + 1);
            const source = this.#open("audio", track, Math.max(track.priority, above), false);
            if (!source) return;
            this.#sources.audio = source;
            this.playback.playSound(source);
        }
    }

    #open<T extends VideoTrack | AudioTrack>(
        lane: Lane,
        track: T,
        priority: number,
        isSwitch: boolean,
    ): Source<T> | undefined {
        const session = this.#session;
        const attempt = this.#attempts[lane];
        if (!session || (!isSwitch && this.#parts.now() < attempt.atMs)) return undefined;
        attempt.askedMs ??= this.#parts.now();
        this.#expiresMs = this.#wantedExpiry();
        const subscription = session.subscribe([...this.#path, track.name], {
            priority,
            order: "newest",
            expiresMs: this.#expiresMs,
        });
        return new Source<T>({
            subscription,
            track,
            readFrame: readMediaFrame,
            onFrame: (timeUs, bytes) => {
                const nowMs = this.#parts.now();
                this.#forgetAttempts(lane);
                this.meter.add(bytes, nowMs);
                this.playback.noteFrame(lane, timeUs, nowMs);
                this.#parts.wake();
            },
            onBroken: () => this.#parts.trouble(unreadableFrames(track.name)),
            onEnd: (failure) => this.#postpone(lane, track.name, failure?.message ?? "it has ended"),
        });
    }

    #forgetAttempts(lane: Lane): void {
        Object.assign(this.#attempts[lane], firstAttempt());
    }

    #postpone(lane: Lane, name: string, reason: string): void {
        const attempt = this.#attempts[lane];
        if (attempt.retryMs >= TOLD_RETRY_MS) this.#parts.trouble(trackMissing(name, reason));
        attempt.atMs = this.#parts.now() + attempt.retryMs;
        attempt.retryMs = Math.min(MAX_RETRY_MS, attempt.retryMs * 2);
    }

    #wantedExpiry(): number {
        return Math.ceil(this.playback.targetMs(this.#parts.now())) + EXPIRES_MARGIN_MS;
    }

    tick(): void {
        const nowMs = this.#parts.now();
        this.playback.tick(nowMs);
        if (nowMs - this.#lookedMs < LOOK_EVERY_MS) return;
        this.#lookedMs = nowMs;
        this.#subscribe(false); // what ended is asked for again, what is hidden for long is left
        this.#tellExpiry();
        this.#tellSilence(nowMs);
        this.#look(nowMs);
    }

    #tellSilence(nowMs: number): void {
        for (const lane of ["video", "audio"] as const) {
            const name = this.#sources[lane]?.track.name;
            const { askedMs = nowMs } = this.#attempts[lane];
            if (name !== undefined && nowMs - askedMs > SILENT_MS)
                this.#parts.trouble(trackMissing(name, "nothing is sent"));
        }
    }

    #tellExpiry(): void {
        const expiresMs = this.#wantedExpiry();
        if (Math.abs(expiresMs - this.#expiresMs) < EXPIRES_STEP_MS) return;
        this.#expiresMs = expiresMs;
        this.#sources.video?.update({ expiresMs });
        this.#sources.audio?.update({ expiresMs });
    }

    #look(nowMs: number): void {
        if (this.#chosen?.chosenBy !== "player" || this.playback.status === "loading" || !this.#orders.isSeen) return;
        const missed = this.playback.video.groupsSkipped + this.playback.video.framesDropped;
        const lateMs = (this.playback.behindMs(nowMs) ?? 0) - this.playback.targetMs(nowMs);
        const { arrivals } = this.playback;
        const lagMs = ((arrivals.liveUs(nowMs) ?? 0) - (arrivals.newestUs("video") ?? 0)) / 1000;
        const isSlow = lateMs > TROUBLED_BEHIND_MS || lagMs > this.#orders.latencyMs + TROUBLED_LAG_MS;
        const isTroubled = this.playback.status === "waiting" || missed > this.#missed || isSlow;
        this.#missed = missed;
        if (!this.#estimate.look(this.#candidates(), isTroubled, this.meter.rateBps(nowMs), nowMs)) return;
        this.#choose();
        this.#subscribe(false);
    }

    close(): void {
        this.playback.close();
    }
}
