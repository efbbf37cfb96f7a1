// SPDX-License-Identifier: MIT OR Apache-2.0
// Plays one instance of a broadcast: the two lanes, their clock, and the latency between live and what is played. It has no timers:
// whoever owns it calls `tick` at each picture of the screen and when something has arrived.
import type { AudioTrack, VideoTrack } from "../../karp/index.ts";
import type { AudioFeedApi } from "../audio/link.ts";
import { Arrivals, type Lane } from "./arrival.ts";
import { MediaClock } from "./clock.ts";
import { choosePace, targetOf } from "./control.ts";
import type { Picture } from "./pictures.ts";
import { type Sound, SoundLane, type SoundParts } from "./sound.ts";
import type { MediaSource } from "./source.ts";
import { VideoLane, type VideoParts } from "./video.ts";

/** Playback begins with so much at least, or with the target if that is less; then it plays slower until the target is there. */
const BEGIN_WITH_MS = 250;
/** After it ran dry: the same. */
const RESUME_WITH_MS = 150;
/** The other lane is waited for so long when the first is ready. */
const WAIT_FOR_LANE_MS = 300;
/** After the beginning, live may turn out to be elsewhere: within this time it is taken up by a jump, not by the rate. */
const SETTLING_MS = 3000;
const SETTLING_ERROR_MS = 100;
/** Sound and picture may arrive so far apart. */
const MAX_APART_US = 500_000;
/** Missing media up to this much are played over. */
const GAP_US = 150_000;
const CONTROL_EVERY_MS = 50;
/** A new latency is reached in haste, for so long at most. */
const HASTE_MS = 4000;
const HASTE_DONE_MS = 25;
/** A slider moves in many steps: playback jumps when it has stood still for so long, and once for all of them. */
const STILL_MS = 200;

export type PlaybackStatus = "loading" | "playing" | "waiting";

export type PlaybackParts<VC, VK, V extends Picture, AC, AK, A extends Sound> = {
    video: VideoParts<VC, VK, V>;
    sound: SoundParts<AC, AK, A>;
};

export class Playback<VC, VK, V extends Picture, AC, AK, A extends Sound> {
    readonly arrivals = new Arrivals();
    readonly clock = new MediaClock();
    readonly video: VideoLane<VC, VK, V>;
    readonly sound: SoundLane<AC, AK, A>;
    #latencyMs: number;
    #askedMs = Number.NEGATIVE_INFINITY;
    #hasteUntilMs = Number.NEGATIVE_INFINITY;
    #beganMs = Number.NEGATIVE_INFINITY;
    #controlledMs = Number.NEGATIVE_INFINITY;
    /** When the first lane could have begun, while the other one was waited for. */
    #readyMs: number | undefined;
    /** Something has come after it ran dry. */
    #wokenMs: number | undefined;
    #hasJumped = false;
    #isSeen = true;
    skips = 0;

    constructor(parts: PlaybackParts<VC, VK, V, AC, AK, A>, latencyMs: number) {
        this.video = new VideoLane(parts.video);
        this.sound = new SoundLane(parts.sound);
        this.#latencyMs = latencyMs;
    }

    setLatency(latencyMs: number, nowMs: number): void {
        if (latencyMs === this.#latencyMs) return;
        this.#latencyMs = latencyMs;
        this.#askedMs = nowMs;
        if (this.clock.isSet) this.#hasteUntilMs = nowMs + HASTE_MS;
    }

    playVideo(source: MediaSource<VideoTrack> | undefined): void {
        if (!this.video.source) this.arrivals.rejoin("video");
        this.video.play(source);
    }

    playSound(source: MediaSource<AudioTrack> | undefined): void {
        if (!this.sound.source) this.arrivals.rejoin("audio");
        this.sound.play(source);
        if (!source) this.sound.restart();
    }

    setFeed(feed: AudioFeedApi | undefined): void {
        this.sound.setFeed(feed);
    }

    /** Whether pictures are decoded and shown. Without, they only wait, and those that are passed are left out. */
    setSeen(isSeen: boolean, nowMs: number): void {
        const positionUs = this.clock.timeUs(nowMs);
        if (isSeen && !this.#isSeen && positionUs !== undefined) this.video.seek(positionUs);
        this.#isSeen = isSeen;
    }

    /** A frame has arrived and is in its queue. */
    noteFrame(lane: Lane, timeUs: number, nowMs: number): void {
        if (this.arrivals.note(lane, timeUs, nowMs) === "jump") this.#hasJumped = true;
    }

    neededMs(nowMs: number): number {
        return this.arrivals.neededMs(nowMs) + this.sound.neededMs;
    }

    targetMs(nowMs: number): number {
        return targetOf(this.#latencyMs, this.neededMs(nowMs));
    }

    /** How far what is shown is behind live. */
    behindMs(nowMs: number): number | undefined {
        const liveUs = this.arrivals.liveUs(nowMs);
        const positionUs = this.clock.timeUs(nowMs);
        return liveUs === undefined || positionUs === undefined ? undefined : (liveUs - positionUs) / 1000;
    }

    get status(): PlaybackStatus {
        if (!this.clock.isSet) return "loading";
        return this.clock.isRunning ? "playing" : "waiting";
    }

    tick(nowMs: number): void {
        if (this.#hasJumped) this.restart();
        this.#pump(nowMs);
        if (!this.clock.isSet) this.#begin(nowMs);
        else if (!this.clock.isRunning) this.#resume(nowMs);
        else {
            this.sound.align(this.clock, nowMs);
            this.#control(nowMs);
            if (this.#isDry(nowMs)) this.#wait(nowMs);
        }
        if (this.#isSeen) this.video.render(this.clock.timeUs(nowMs), nowMs);
        this.#pump(nowMs);
    }

    #pump(nowMs: number): void {
        const positionUs = this.clock.timeUs(nowMs);
        // Sound first: after a jump it has less time than a picture.
        this.sound.pump(positionUs);
        if (this.#isSeen) this.video.pump(positionUs);
    }

    /** Begins anew, with the next frames that arrive, on this timeline or another. */
    restart(): void {
        this.#hasJumped = false;
        this.clock.clear();
        this.video.restart();
        this.sound.restart();
        this.sound.setRate(1);
        this.#readyMs = this.#wokenMs = undefined;
    }

    /** Whether the lanes that there are have told where live is, or have been waited for long enough. */
    #areSettled(nowMs: number): boolean {
        const lanes: Lane[] = [];
        if (this.video.source) lanes.push("video");
        if (this.sound.source && this.sound.hasFeed) lanes.push("audio");
        const settled = lanes.filter((lane) => this.arrivals.isSettled(lane, nowMs));
        if (settled.length === 0) return false;
        this.#readyMs ??= nowMs;
        return settled.length === lanes.length || nowMs - this.#readyMs >= WAIT_FOR_LANE_MS;
    }

    /** The earliest time at which both lanes have something; one alone counts if the other has nothing near. */
    #firstUs(): number | undefined {
        const video = this.video.source ? this.video.firstUs : undefined;
        const sound = this.sound.source && this.sound.hasFeed ? this.sound.firstUs : undefined;
        if (video === undefined || sound === undefined) return video ?? sound;
        return Math.abs(video - sound) < 1_000_000 ? Math.max(video, sound) : Math.min(video, sound);
    }

    #begin(nowMs: number): void {
        const liveUs = this.arrivals.liveUs(nowMs);
        const firstUs = this.#firstUs();
        if (liveUs === undefined || firstUs === undefined || !this.#areSettled(nowMs)) return;
        const targetMs = this.targetMs(nowMs);
        if (liveUs - firstUs < Math.min(targetMs, BEGIN_WITH_MS) * 1000) return;
        this.#goTo(Math.max(firstUs, liveUs - targetMs * 1000), nowMs);
    }

    #goTo(positionUs: number, nowMs: number): void {
        this.clock.set(positionUs, nowMs);
        this.clock.setRate(1, nowMs);
        this.clock.run(nowMs);
        this.video.seek(positionUs);
        this.sound.seek(positionUs, nowMs);
        this.sound.setRate(1);
        this.#beganMs = nowMs;
        this.#readyMs = this.#wokenMs = undefined;
    }

    /** Nothing is left to show or to hear. */
    #isDry(nowMs: number): boolean {
        const positionUs = this.clock.timeUs(nowMs) ?? 0;
        const newestUs = this.arrivals.newestUs() ?? 0;
        return newestUs < positionUs && this.video.isEmpty && this.sound.isDry(positionUs);
    }

    #wait(nowMs: number): void {
        this.clock.stop(nowMs);
        this.sound.stop();
        this.#wokenMs = undefined;
    }

    #resume(nowMs: number): void {
        const positionUs = this.clock.timeUs(nowMs) ?? 0;
        const newestUs = this.arrivals.newestUs();
        const firstUs = this.#firstUs();
        const liveUs = this.arrivals.liveUs(nowMs);
        if (newestUs === undefined || firstUs === undefined || liveUs === undefined || newestUs <= positionUs) return;
        this.#wokenMs ??= nowMs;
        const targetMs = this.targetMs(nowMs);
        const enoughMs = Math.min(targetMs, RESUME_WITH_MS);
        if ((newestUs - Math.max(positionUs, firstUs)) / 1000 < enoughMs && nowMs - this.#wokenMs < enoughMs) return;
        // What is missing is left out; what has only come late is played, if it is not too much.
        if (firstUs > positionUs + GAP_US) this.#goTo(Math.max(firstUs, liveUs - targetMs * 1000), nowMs);
        else this.clock.run(nowMs);
        this.#wokenMs = undefined;
    }

    #control(nowMs: number): void {
        if (nowMs - this.#controlledMs < CONTROL_EVERY_MS) return;
        this.#controlledMs = nowMs;
        const behindMs = this.behindMs(nowMs);
        if (behindMs === undefined) return;
        const targetMs = this.targetMs(nowMs);
        const errorMs = behindMs - targetMs;
        if (Math.abs(errorMs) < HASTE_DONE_MS) this.#hasteUntilMs = Number.NEGATIVE_INFINITY;
        const isHasty = nowMs < this.#hasteUntilMs;
        const pace = choosePace({ behindMs, targetMs, isHasty, rate: this.clock.rate });
        const isSettling = nowMs - this.#beganMs < SETTLING_MS && errorMs > SETTLING_ERROR_MS;
        const isStill = nowMs - this.#askedMs >= STILL_MS;
        if (((pace.isJump && isStill) || isSettling) && this.#jump(errorMs, nowMs)) return;
        this.clock.setRate(pace.rate, nowMs);
        this.sound.setRate(pace.rate);
    }

    #jump(errorMs: number, nowMs: number): boolean {
        return errorMs > 0 ? this.#skip(errorMs, nowMs) : this.#goBack(-errorMs, nowMs);
    }

    /** Goes back into what has been played, as far as both lanes still have it. */
    #goBack(byMs: number, nowMs: number): boolean {
        const positionUs = this.clock.timeUs(nowMs) ?? 0;
        const oldest = [this.video.oldestUs, this.sound.hasFeed ? this.sound.oldestUs : undefined];
        const known = oldest.filter((timeUs) => timeUs !== undefined);
        const toUs = Math.max(positionUs - byMs * 1000, ...known);
        if (known.length === 0 || positionUs - toUs < SETTLING_ERROR_MS * 1000) return false;
        this.video.rewind(toUs);
        this.#goTo(toUs, nowMs);
        return true;
    }

    /** The newest that both lanes have; one that is far behind the other does not count. */
    #newestOfBoth(): number | undefined {
        const newestUs = this.arrivals.newestUs() ?? 0;
        const lanes = [this.arrivals.newestUs("video"), this.arrivals.newestUs("audio")];
        const near = lanes.filter((timeUs) => timeUs !== undefined && timeUs > newestUs - MAX_APART_US);
        return near.reduce((least, timeUs) => Math.min(least ?? newestUs, timeUs ?? newestUs), undefined);
    }

    /** Skips towards live, as far as there is something to play. */
    #skip(errorMs: number, nowMs: number): boolean {
        const positionUs = this.clock.timeUs(nowMs) ?? 0;
        const newestUs = this.#newestOfBoth() ?? positionUs;
        const aheadUs = Math.min(errorMs * 1000, newestUs - RESUME_WITH_MS * 1000 - positionUs);
        if (aheadUs < SETTLING_ERROR_MS * 1000) return false;
        this.skips++;
        const beganMs = this.#beganMs;
        this.#goTo(positionUs + aheadUs, nowMs);
        this.#beganMs = beganMs; // settling happens once
        return true;
    }

    close(): void {
        this.video.close();
        this.sound.close();
        this.clock.clear();
        this.arrivals.reset();
    }
}
