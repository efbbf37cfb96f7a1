// SPDX-License-Identifier: MIT OR Apache-2.0
// Figures in words: the rows of the statistics, names of renditions, latencies.
// Tested by web/test/element/words.test.ts.
import type { ChosenBy, PlayerState, PlayerStats, Rendition } from "../player/index.ts";

export function nameMs(ms: number): string {
    return ms < 999.5 ? `${Math.round(ms)} ms` : `${trimZeros((ms / 1_000).toFixed(2))} s`;
}

export function nameRate(bps: number): string {
    if (bps < 1_000_000) return `${Math.round(bps / 1_000)} kbit/s`;
    return `${trimZeros((bps / 1_000_000).toFixed(1))} Mbit/s`;
}

function trimZeros(text: string): string {
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A portrait picture is named by its width, as people name it. */
export function nameRendition(rendition: Rendition): string {
    const lines = Math.min(rendition.width, rendition.height);
    const size = lines > 0 ? `${lines}p` : rendition.name;
    return rendition.bitrateBps ? `${size}, ${nameRate(rendition.bitrateBps)}` : size;
}

const CHOOSERS: Record<ChosenBy, string> = { viewer: "you", player: "the player", relay: "the relay" };

/** "720p, chosen by the relay"; nothing while there is no rendition. */
export function nameChoice(state: PlayerState): string {
    const { rendition, renditions } = state;
    if (!rendition) return "";
    const known = renditions.find((other) => other.name === rendition.name);
    return `${known ? nameRendition(known) : rendition.name}, chosen by ${CHOOSERS[rendition.chosenBy]}`;
}

/** What the viewer should know when the network cannot keep up with the wish. */
export function hintOf(state: PlayerState): string {
    if (state.neededLatencyMs <= state.latencyMs) return "";
    const needed = nameMs(state.neededLatencyMs);
    return `The network needs ${needed} at the moment. Below that, playback may stutter.`;
}

/** `about` says what is measured, where a name does not. */
export interface Row {
    name: string;
    value: string;
    about: string;
}

const ABOUT: Record<string, string> = {
    Latency:
        "What the player adds: from the arrival of a frame that came the fastest way to its showing. How long it took to get here is not known, because the clocks of two machines differ",
    "Round trip":
        "To the relay and back: as the browser tells it, or else how soon the relay answers, the quickest of the last five times",
};

/** A value that is not known is not shown. */
export function rowsOf(stats: PlayerStats, state: PlayerState): Row[] {
    const size = state.videoWidth > 0 ? `${state.videoWidth} × ${state.videoHeight}` : "";
    const rows: [string, string][] = [
        [
            "Latency",
            `${nameMs(stats.latencyMs)} (asked ${nameMs(state.latencyMs)}, needed ${nameMs(state.neededLatencyMs)})`,
        ],
        ["Buffer", nameMs(stats.bufferMs)],
        ["Bit rate", nameRate(stats.rateBps)],
        ["Round trip", stats.rttMs === undefined ? "" : nameMs(stats.rttMs)],
        ["Picture", [size, stats.videoCodec].filter(Boolean).join(", ")],
        ["Drawn by", stats.drawnBy === "webgl" ? "WebGL" : (stats.drawnBy ?? "").toUpperCase()],
        ["Sound", stats.audioCodec ?? ""],
        ["Rendition", nameChoice(state)],
        ["Frames", `${stats.framesShown} shown, ${stats.framesLate} late, ${stats.framesDropped} dropped`],
        ["Skipped groups", String(stats.groupsSkipped)],
        ["Sound gaps", String(stats.audioUnderruns)],
        ["Speed", `${state.playbackRate.toFixed(2)} ×`],
        ["Protocol", stats.version ?? ""],
        ["Reconnects", String(stats.reconnects)],
    ];
    return rows.filter(([, value]) => value !== "").map(([name, value]) => ({ name, value, about: ABOUT[name] ?? "" }));
}
