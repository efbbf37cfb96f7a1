// SPDX-License-Identifier: MIT OR Apache-2.0
// The worker of audio.mjs: writes a tone to the left and another to the right, or one to the centre, half a second ahead, and notes the clock.
import { AudioFeed } from "../../web/src/player/audio/feed.ts";
import type { AudioLink } from "../../web/src/player/audio/link.ts";

const STEREO = [440, 1000];
const SURROUND = [0, 0, 440, 0, 0, 0];
const CHUNK = 960;
const AHEAD_US = 500_000;

let feed: AudioFeed | undefined;
let written = 0;
/** Jumps go so far ahead, so it is written so much further. */
let aheadUs = AHEAD_US;
let noted: [number, number | undefined][] = [];

function write(to: AudioFeed): void {
    while (to.bufferedUs < aheadUs) {
        const planes = (to.channels === 2 ? STEREO : SURROUND).map((frequency) =>
            Float32Array.from({ length: CHUNK }, (_, i) => 0.5 * Math.sin((2 * Math.PI * frequency * (written + i)) / to.sampleRate)),
        );
        to.write(Math.floor((written * 1e6) / to.sampleRate), planes);
        written += CHUNK;
    }
}

function tick(): void {
    if (!feed) return;
    write(feed);
    const nowMs = performance.now();
    noted.push([nowMs, feed.timeUs(nowMs)]);
    if (noted.length > 20_000) noted = noted.slice(10_000);
}

interface Question {
    playFrom?: number;
    rate?: number;
    jumpUs?: number;
    takeNotes?: boolean;
}

function answer({ playFrom, rate, jumpUs, takeNotes }: Question): unknown {
    if (!feed) return undefined;
    if (playFrom !== undefined) feed.playFrom(playFrom);
    if (rate !== undefined) feed.setRate(rate);
    if (jumpUs !== undefined) {
        aheadUs = AHEAD_US + jumpUs;
        write(feed);
        feed.playFrom((feed.timeUs(performance.now()) ?? 0) + jumpUs);
        aheadUs = AHEAD_US;
    }
    const { underruns, dropped, bufferedUs } = feed;
    const notes = takeNotes ? noted.splice(0) : [];
    return { underruns, dropped, bufferedUs, timeUs: feed.timeUs(performance.now()), notes };
}

self.onmessage = ({ data }: MessageEvent<{ link?: AudioLink; originMs?: number; question?: Question; port?: MessagePort }>) => {
    if (data.link) {
        const aheadMs = (data.originMs ?? 0) - performance.timeOrigin;
        feed = new AudioFeed(data.link, (nowMs) => nowMs - aheadMs);
        setInterval(tick, 5);
    }
    if (data.question) data.port?.postMessage(answer(data.question));
};
