// SPDX-License-Identifier: MIT OR Apache-2.0
// Ladders: which tracks of a catalog are the same picture at several bitrates, so that one decoder can follow from one to another
// (docs/media.md). When in doubt, a track stays out.
import type { Catalog, Ladder, VideoTrack } from "./types.ts";

/** Profiles of H.264 for 8 bits and 4:2:0: baseline, main, extended, high. */
const COMMON_H264 = ["42", "4d", "58", "64"];

/** Equal for codecs that one decoder can follow; undefined: nobody knows. */
function kindOfCodec(codec: string): string | undefined {
    const h264 = /^avc[13]\.([0-9a-f]{2})[0-9a-f]{4}$/i.exec(codec);
    if (h264) return COMMON_H264.includes((h264[1] ?? "").toLowerCase()) ? "h264" : `h264 ${h264[1]}`;
    const h265 = /^h[ev][vc]1\.([A-C]?\d+)\./.exec(codec);
    if (h265) return `h265 ${h265[1]}`;
    const vp9 = /^vp09\.(\d\d)\.\d\d\.(\d\d)(?:\.(\d\d))?/.exec(codec);
    if (vp9) return `vp9 ${vp9[1]} ${vp9[2]} ${vp9[3] ?? "01"}`;
    const av1 = /^av01\.(\d)\.\d\d[MH]\.(\d\d)(?:\.(\d)\.(\d\d))?/.exec(codec);
    if (av1) return `av1 ${av1[1]} ${av1[2]} ${av1[3] ?? "0"} ${av1[4] ?? "11"}`;
    return codec === "vp8" ? "vp8" : undefined;
}

/** A track in its own ladder says nothing. */
function ladderOf(track: VideoTrack): string {
    return track.ladder === undefined || track.ladder === track.name ? "" : track.ladder;
}

/** Whether the track leaves the choice to whoever serves it. */
export function isAutomatic(catalog: Catalog, track: VideoTrack): boolean {
    return catalog.video.some((other) => ladderOf(other) === track.name);
}

function canBeRendition(catalog: Catalog, track: VideoTrack): boolean {
    return (track.bitrateBps ?? 0) > 0 && !track.description && !isAutomatic(catalog, track);
}

function isAlike(a: VideoTrack, b: VideoTrack): boolean {
    const kind = kindOfCodec(a.codec);
    const isSameClock = !a.timescale || !b.timescale || a.timescale === b.timescale;
    return (
        kind !== undefined &&
        kind === kindOfCodec(b.codec) &&
        isSameClock &&
        (a.rotation ?? 0) === (b.rotation ?? 0) &&
        (a.flip ?? false) === (b.flip ?? false)
    );
}

function highestFirst(a: VideoTrack, b: VideoTrack): number {
    return (b.bitrateBps ?? 0) - (a.bitrateBps ?? 0) || b.width * b.height - a.width * a.height;
}

/** The ladder that one decoder can follow from `asked` on; undefined: not even itself. */
export function ladderFor(catalog: Catalog, asked: VideoTrack): Ladder | undefined {
    const isByItself = isAutomatic(catalog, asked);
    if (!isByItself && !canBeRendition(catalog, asked)) return undefined;
    const wanted = isByItself ? asked.name : ladderOf(asked);
    const renditions = catalog.video
        .filter((track) => ladderOf(track) === wanted && canBeRendition(catalog, track) && isAlike(asked, track))
        .sort(highestFirst);
    const automatic = isByItself ? asked : catalog.video.find((track) => wanted !== "" && track.name === wanted);
    return automatic ? { renditions, automatic } : { renditions };
}

/** Every ladder of the catalog, in the order of its first track. */
export function laddersOf(catalog: Catalog): Ladder[] {
    const ladders: Ladder[] = [];
    for (const track of catalog.video) {
        const isKnown = ladders.some(({ renditions, automatic }) => automatic === track || renditions.includes(track));
        const ladder = isKnown ? undefined : ladderFor(catalog, track);
        if (ladder) ladders.push(ladder);
    }
    return ladders;
}
