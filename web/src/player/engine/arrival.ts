// SPDX-License-Identifier: MIT OR Apache-2.0
// How media arrive: where live is, and how late frames come behind the fastest way.
//
// The offset of a frame is its arrival minus its media time. The smallest one of the last half minute is the fastest way; with it,
// live is known at any moment, also while nothing arrives. What a frame's offset has above it is its lateness, and a high percentile
// of that is the latency that the network (and the publisher's reordering and chunking) needs.

export type Lane = "video" | "audio";

/** The window of the fastest way. Clocks that drift by 100 ppm move by 3 ms in it. */
const FASTEST_WINDOW_S = 30;
/** The window of lateness, in pieces whose latest frame counts: one stall, however long, is one piece, whatever it brings at its end. */
const LATENESS_WINDOW_MS = 15_000;
const PIECE_MS = 100;
const PERCENTILE = 0.95;
/** How long a figure of the above is good for. */
const NEEDED_GOOD_MS = 250;
/** On top of the percentile: decoding, and the time between two pictures of the screen. */
const MARGIN_MS = 20;
/** Frames of a group that began before we came arrive in a burst. It ends with so many at their own pace, or after so long. */
const PACED = 4;
const MAX_BURST_MS = 3000;
/** Nothing arrives for so long: what is there for now is there. */
const QUIET_MS = 30;
/** Begin at the latest so long after the first frame, whatever still comes. */
const MAX_SETTLE_MS = 250;
/** Times that are further from live than this belong to another timeline; so many in a row prove it. */
const MAX_EARLY_MS = 5_000;
const MAX_LATE_MS = 20_000;
const STRANGERS = 5;

interface LaneState {
    firstMs: number;
    lastMs: number;
    newestUs: number;
    isBurst: boolean;
    /** Frames in a row that came no faster than time passes. */
    paced: number;
}

export class Arrivals {
    readonly #lanes = new Map<Lane, LaneState>();
    /** The smallest offset of each second, oldest first. */
    #fastest: { second: number; offsetMs: number }[] = [];
    #pieces: { atMs: number; offsetMs: number }[] = [];
    #needed = { atMs: Number.NEGATIVE_INFINITY, ms: 0 };
    #strangers = 0;

    /** Frames that follow belong to another timeline, or to nothing known. */
    reset(): void {
        this.#lanes.clear();
        this.#fastest = [];
        this.#pieces = [];
        this.#needed = { atMs: Number.NEGATIVE_INFINITY, ms: 0 };
        this.#strangers = 0;
    }

    /** A lane begins again at the newest group: what comes first is a burst of old frames. */
    rejoin(lane: Lane): void {
        this.#lanes.delete(lane);
    }

    /** Notes a frame's arrival. "jump": times have left the timeline, and this frame is the first of another one. */
    note(lane: Lane, timeUs: number, nowMs: number): "ok" | "jump" {
        const offsetMs = nowMs - timeUs / 1000;
        const fastest = this.#fastestMs();
        const isStrange =
            fastest !== undefined && (offsetMs < fastest - MAX_EARLY_MS || offsetMs > fastest + MAX_LATE_MS);
        this.#strangers = isStrange ? this.#strangers + 1 : 0;
        // While it is not sure, a stray frame says nothing about the network.
        if (isStrange && this.#strangers < STRANGERS) return "ok";
        if (isStrange) this.reset();
        this.#noteFastest(offsetMs, nowMs);
        if (!this.#noteLane(lane, timeUs, nowMs)) this.#noteLateness(offsetMs, nowMs);
        return isStrange ? "jump" : "ok";
    }

    /** Whether this frame is one of a burst, which is as late as it is because we came late. */
    #noteLane(lane: Lane, timeUs: number, nowMs: number): boolean {
        const state = this.#lanes.get(lane);
        if (!state) {
            this.#lanes.set(lane, { firstMs: nowMs, lastMs: nowMs, newestUs: timeUs, isBurst: true, paced: 0 });
            return true;
        }
        // In a burst, media times advance faster than the clock does.
        if (state.isBurst && timeUs > state.newestUs) {
            const isFast = nowMs - state.lastMs < Math.max(5, (timeUs - state.newestUs) / 2000);
            state.paced = isFast ? 0 : state.paced + 1;
            state.isBurst = state.paced < PACED && nowMs - state.firstMs < MAX_BURST_MS;
        }
        state.lastMs = nowMs;
        state.newestUs = Math.max(state.newestUs, timeUs);
        return state.isBurst;
    }

    #noteLateness(offsetMs: number, nowMs: number): void {
        const last = this.#pieces.at(-1);
        if (last && nowMs - last.atMs < PIECE_MS) last.offsetMs = Math.max(last.offsetMs, offsetMs);
        else this.#pieces.push({ atMs: nowMs, offsetMs });
        while ((this.#pieces[0]?.atMs ?? nowMs) < nowMs - LATENESS_WINDOW_MS) this.#pieces.shift();
    }

    #noteFastest(offsetMs: number, nowMs: number): void {
        const second = Math.floor(nowMs / 1000);
        const last = this.#fastest.at(-1);
        if (last?.second === second) last.offsetMs = Math.min(last.offsetMs, offsetMs);
        else this.#fastest.push({ second, offsetMs });
        const oldest = second - FASTEST_WINDOW_S;
        if ((this.#fastest[0]?.second ?? second) < oldest)
            this.#fastest = this.#fastest.filter((s) => s.second >= oldest);
    }

    #fastestMs(): number | undefined {
        let smallest: number | undefined;
        for (const { offsetMs } of this.#fastest)
            if (smallest === undefined || offsetMs < smallest) smallest = offsetMs;
        return smallest;
    }

    /** The media time that would arrive now on the fastest way; undefined: nothing has arrived. */
    liveUs(nowMs: number): number | undefined {
        const fastest = this.#fastestMs();
        return fastest === undefined ? undefined : (nowMs - fastest) * 1000;
    }

    /** The newest media time that has arrived, of one lane or of any. */
    newestUs(lane?: Lane): number | undefined {
        if (lane) return this.#lanes.get(lane)?.newestUs;
        let newest: number | undefined;
        for (const state of this.#lanes.values()) newest = Math.max(newest ?? state.newestUs, state.newestUs);
        return newest;
    }

    /** Whether a lane's bursts are over, so that live is where it seems to be: time to begin. */
    isSettled(lane: Lane, nowMs: number): boolean {
        const state = this.#lanes.get(lane);
        if (!state) return false;
        return (
            !state.isBurst ||
            state.paced > 1 ||
            nowMs - state.lastMs >= QUIET_MS ||
            nowMs - state.firstMs >= MAX_SETTLE_MS
        );
    }

    /** The latency at which almost all frames arrive in time. */
    neededMs(nowMs: number): number {
        if (nowMs - this.#needed.atMs < NEEDED_GOOD_MS) return this.#needed.ms;
        const recent = this.#pieces.filter((piece) => piece.atMs >= nowMs - LATENESS_WINDOW_MS);
        const offsets = recent.map((piece) => piece.offsetMs).sort((a, b) => a - b);
        const high = offsets[Math.floor((offsets.length - 1) * PERCENTILE)];
        const ms = high === undefined ? 0 : Math.max(0, high - (this.#fastestMs() ?? high)) + MARGIN_MS;
        this.#needed = { atMs: nowMs, ms };
        return ms;
    }
}
