// SPDX-License-Identifier: MIT OR Apache-2.0
// What the element says of itself in words and figures, and what its attributes mean.
import type { PublishState, PublishStats, VideoCodecName, VideoSettings } from "./state.ts";

const CODEC_NAMES: Record<string, string> = { avc1: "H.264", vp09: "VP9", av01: "AV1", vp8: "VP8" };

/** One line for people who look whether all is well. */
export function nameFigures({ renditions, hasSound }: PublishState, stats: PublishStats): string {
    const [first] = renditions;
    const parts = [renditions.map(({ width, height }) => `${width}\u00d7${height}`).join(" and ")];
    if (first)
        parts.push(CODEC_NAMES[first.codec.slice(0, 4)] ?? first.codec, `${Math.round(stats.framesPerSecond)} fps`);
    else if (hasSound) parts.push("sound only");
    if (first && !hasSound) parts.push("no sound");
    parts.push(`${(stats.bitrateBps / 1e6).toFixed(1)} Mb/s`);
    if (stats.framesDropped > 0) parts.push(`${stats.framesDropped} frames dropped`);
    return parts.filter(Boolean).join(", ");
}

/** What is read aloud when it changes. */
export function nameStatus(state: PublishState, note: string): string {
    const { status, error, isStrained, isNetworkSlow, isSoundBlocked } = state;
    if (error) return `${error.message}.`;
    if (note) return note;
    if (isSoundBlocked)
        return "The browser gives no sound. Click in the page; if that does not help, connect a loudspeaker.";
    if (status === "connecting") return "Connecting\u2026";
    if (status !== "live") return "Choose what to publish.";
    if (isNetworkSlow) return "Live. The network is slow: the picture is sent with fewer bits.";
    return isStrained ? "Live. This machine is too slow for two renditions: one is published." : "Live.";
}

const CODECS: readonly VideoCodecName[] = ["h264", "vp9", "av1", "vp8"];
const LARGEST = 8192;
const FASTEST = 120;
const HIGHEST_BPS = 200_000_000;
const LONGEST_S = 30;

type ReadText = (name: string) => string | null;

/** Text that is no number, or none above zero, says nothing; too large ones are cut. */
function readNumber(text: string | null, most: number): number | undefined {
    const value = Number.parseFloat(text ?? "");
    return value > 0 ? Math.min(value, most) : undefined;
}

/** How the picture is encoded, from attributes. */
export function readSettings(read: ReadText): VideoSettings {
    return {
        width: readNumber(read("width"), LARGEST) ?? 1280,
        height: readNumber(read("height"), LARGEST) ?? 720,
        framerate: readNumber(read("framerate"), FASTEST) ?? 30,
        bitrateBps: readNumber(read("bitrate"), HIGHEST_BPS),
        keyframeS: readNumber(read("keyframe-interval"), LONGEST_S) ?? 2,
        codec: CODECS.find((name) => name === read("codec")?.toLowerCase()),
        hasLadder: read("ladder") !== null,
    };
}

/** Attributes that are there or not in other elements, and that are on unless they say "off" here. */
export function isOn(text: string | null): boolean {
    return !/^\s*(off|false|no|0)\s*$/i.test(text ?? "");
}
