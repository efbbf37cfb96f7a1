// SPDX-License-Identifier: MIT OR Apache-2.0
// The player's engine: from what the viewer wants to a session, a broadcast, and the program that plays its newest instance.
// Tested by tests/browser/player.mjs.
import { Broadcast, type BroadcastEvent, type Catalog } from "../../karp/index.ts";
import {
    Connection,
    type ConnectionState,
    type Path,
    pathOfUrl,
    type Session,
    type TrustNews,
} from "../../transfork/index.ts";
import { AudioFeed } from "../audio/feed.ts"; // not by the door: that has the page's half too
import type { AudioFeedApi, AudioLink } from "../audio/link.ts";
import type { FromWorker, ToWorker, Wanted } from "../messages.ts";
import type { PlayerError } from "../state.ts";
import { findUsable } from "./configs.ts";
import { PageClock } from "./page_clock.ts";
import { type Orders, Program } from "./program.ts";
import { Screen } from "./render.ts";
import { addCounts, countsOf, NO_COUNTS, stateOf, statsOf, timingOf } from "./report.ts";
import { Ticker } from "./ticker.ts";
import * as words from "./words.ts";

/** The page hears of changes at most so often; of times as well. */
const REPORT_MS = 100;
/** A message about a part goes when nothing has been wrong with it for so long. */
const TROUBLE_MS = 5000;

/** An empty picture has reached the screen, and the memory of the last one is free. */
const SCREEN_MS = 50;

const NOTHING: Wanted = { src: "", token: "", latencyMs: 0, rendition: "auto", isPaused: false, take: 0 };

export class Engine {
    readonly #post: (message: FromWorker) => void;
    readonly #now: () => number;
    readonly #pageClock = new PageClock();
    readonly #screen = new Screen(() => this.#post({ kind: "lost" }));
    readonly #ticker = new Ticker(() => this.#tick());
    #wanted = NOTHING;
    #isSeen = true;
    #connection: Connection | undefined;
    #hasConnected = false;
    #session: Session | undefined;
    #broadcast: Broadcast | undefined;
    #program: Program | undefined;
    #feed: AudioFeedApi | undefined;
    #hasNews = false;
    #isOffline = false;
    /** Of the connection or the whole broadcast. */
    #error: PlayerError | undefined;
    /** Of a part that the catalog describes, and of one that goes wrong now and then. */
    #missing: PlayerError | undefined;
    #trouble: { error: PlayerError; atMs: number } | undefined;
    #counted = NO_COUNTS;
    #reconnects = 0;
    #format = "";
    #told = "";
    #toldMs = 0;
    #toldWidth = 0;
    #isWoken = false;
    /** Counts catalogs, so that what was found out about an older one is not used. */
    #edition = 0;

    constructor(post: (message: FromWorker) => void, now: () => number) {
        this.#post = post;
        this.#now = now;
    }

    take(message: Exclude<ToWorker, TrustNews>): void {
        switch (message.kind) {
            case "want":
                this.#want(message.wanted);
                break;
            case "canvas":
                this.#screen.attach(message.canvas, message.drawing);
                this.#order();
                break;
            case "sound":
                this.#setSound(message.link);
                break;
            case "seen":
                this.#isSeen = message.isSeen;
                if (this.#isSeen) this.#connection?.hurry();
                this.#order();
                break;
            case "hurry":
                this.#connection?.hurry();
                break;
            case "stats":
                void this.#tellStats(message.id);
                break;
            case "clock":
                this.#pageClock.note(message.pageMs, this.#now());
                return;
            case "close":
                this.#end();
                return;
        }
        this.#report(true);
    }

    #end(): void {
        this.#close();
        this.#setSound(undefined);
        this.#screen.clear();
        setTimeout(() => this.#post({ kind: "closed" }), SCREEN_MS);
    }

    #want(wanted: Wanted): void {
        const before = this.#wanted;
        this.#wanted = wanted;
        if (wanted.take !== before.take) this.#open();
        // The session that there is goes on with its rights.
        else if (wanted.token !== before.token) this.#connection?.hurry();
        this.#order();
    }

    #open(): void {
        this.#close();
        this.#screen.forget();
        this.#error = undefined;
        const { src } = this.#wanted;
        if (!src) return;
        this.#error = words.findObstacle(src);
        if (this.#error) return;
        const url = new URL(src);
        let path: Path;
        try {
            path = pathOfUrl(url);
        } catch {
            this.#error = words.badUrl(src);
            return;
        }
        this.#broadcast = new Broadcast(path, (event) => this.#hear(event));
        this.#connection = new Connection(url, { token: () => this.#wanted.token }, (state) => this.#follow(state));
        this.#ticker.start();
    }

    #follow(state: ConnectionState): void {
        if (state.kind === "open") this.#useSession(state.session);
        else if (state.kind !== "connecting") {
            this.#session = undefined;
            this.#broadcast?.use(undefined);
            this.#program?.loseSession();
            const { src, token } = this.#wanted;
            this.#error = words.explain(state.error, new URL(src), token, Date.now() / 1000);
            this.#report(true);
        }
    }

    #useSession(session: Session): void {
        this.#session = session;
        this.#error = undefined;
        if (this.#hasConnected) {
            this.#reconnects++;
            this.#post({ kind: "reconnect" });
        }
        this.#hasConnected = true;
        // What was played goes on at once; if it has changed meanwhile, the broadcast tells.
        this.#program?.moveTo(session);
        this.#broadcast?.use(session);
        this.#report(true);
    }

    #hear(event: BroadcastEvent): void {
        this.#hasNews = true;
        this.#isOffline = event.kind === "offline";
        this.#edition++;
        if (event.kind === "catalog") void this.#useCatalog(event.instance, event.path, event.catalog, this.#edition);
        else if (event.kind === "broken") this.#missing = words.badCatalog(event.message);
        else this.#missing = event.kind === "silent" ? words.catalogMissing() : undefined;
        this.#report(true);
    }

    async #useCatalog(instance: string, path: Path, catalog: Catalog, edition: number): Promise<void> {
        const { usable, problem } = await findUsable(catalog);
        const session = this.#session;
        if (edition !== this.#edition || !session) return;
        const isEmpty = catalog.video.length + catalog.audio.length === 0;
        this.#missing = isEmpty ? words.nothingInside() : problem;
        if (this.#program?.instance !== instance) this.#begin(instance);
        this.#program?.serve(session, path, catalog, usable);
        const track = this.#program?.audioTrack;
        this.#wantSound(track && { sampleRate: track.sampleRate, channels: track.channelCount });
        this.#report(true);
    }

    #begin(instance: string): void {
        this.#leave();
        const program = new Program(instance, this.#orders, {
            screen: this.#screen,
            now: this.#now,
            wake: () => this.#wake(),
            trouble: (error) => {
                this.#trouble = { error, atMs: this.#now() };
            },
            format: (sampleRate, channels) => this.#wantSound({ sampleRate, channels }),
            rateBps: () => undefined,
        });
        program.setFeed(this.#feed);
        this.#program = program;
    }

    /** Ends the present program; its last picture stays until there is another. */
    #leave(): void {
        this.#counted = addCounts(this.#counted, countsOf(this.#program));
        this.#program?.close();
        this.#program = undefined;
    }

    get #orders(): Orders {
        const { latencyMs, rendition, isPaused } = this.#wanted;
        return { latencyMs, rendition, isPaused, isSeen: this.#isSeen };
    }

    #order(): void {
        this.#program?.order(this.#orders);
    }

    #wantSound(wanted: { sampleRate: number; channels: number } | undefined): void {
        const format = JSON.stringify(wanted) ?? "";
        if (format === this.#format) return;
        this.#format = format;
        this.#post({ kind: "sound", wanted });
    }

    #setSound(link: AudioLink | undefined): void {
        const old = this.#feed;
        this.#feed = link && new AudioFeed(link, (nowMs) => this.#pageClock.at(nowMs));
        this.#program?.setFeed(this.#feed);
        old?.close();
    }

    /** Something has come: there is a look at it soon, once for all that has come together. */
    #wake(): void {
        if (this.#isWoken) return;
        this.#isWoken = true;
        queueMicrotask(() => {
            this.#isWoken = false;
            this.#tick();
        });
    }

    #tick(): void {
        this.#program?.tick();
        if (this.#isOffline && this.#program && this.#program.playback.status !== "playing") this.#leave();
        if (this.#trouble && this.#now() - this.#trouble.atMs > TROUBLE_MS) this.#trouble = undefined;
        // A first picture, or one of another size, is told at once.
        this.#report(this.#screen.width !== this.#toldWidth);
    }

    #report(isUrgent: boolean): void {
        const nowMs = this.#now();
        if (!isUrgent && nowMs - this.#toldMs < REPORT_MS) return;
        this.#toldMs = nowMs;
        this.#toldWidth = this.#screen.width;
        const program = this.#program;
        const state = stateOf(
            {
                hasSource: this.#wanted.src !== "",
                isPaused: this.#wanted.isPaused,
                isConnected: this.#session !== undefined,
                isOffline: this.#isOffline,
                hasNews: this.#hasNews,
                error: this.#error ?? this.#missing ?? this.#trouble?.error,
                latencyMs: this.#wanted.latencyMs,
                program,
                screen: this.#screen,
                isSeen: this.#isSeen,
            },
            nowMs,
        );
        const { take } = this.#wanted;
        const text = JSON.stringify([take, state]);
        if (text !== this.#told) this.#post({ kind: "state", state, take });
        this.#told = text;
        this.#post({ kind: "timing", timing: timingOf(program, nowMs, this.#pageClock.at(nowMs)) });
    }

    async #tellStats(id: number): Promise<void> {
        const session = this.#session;
        const stats = await session?.stats().catch(() => undefined);
        const { drawnBy } = this.#screen;
        const line = { rttMs: stats?.rttMs, version: session?.version, reconnects: this.#reconnects, drawnBy };
        this.#post({ kind: "stats", id, stats: statsOf(this.#program, line, this.#counted, this.#now()) });
    }

    #close(): void {
        this.#edition++;
        this.#leave();
        this.#broadcast?.close();
        this.#broadcast = undefined;
        this.#connection?.close();
        this.#connection = undefined;
        this.#hasConnected = false;
        this.#session = undefined;
        this.#missing = this.#trouble = undefined;
        this.#hasNews = this.#isOffline = false;
        this.#wantSound(undefined);
        this.#ticker.stop();
    }
}
