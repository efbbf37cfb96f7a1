// SPDX-License-Identifier: MIT OR Apache-2.0
// Which encoder this browser has, and how it is set up: without a description, so that the parameter sets are in the frames, in
// front of each keyframe, and a relay can move viewers from one rendition to another (docs/media.md, "Ladders").
import type { VideoCodecName } from "../state.ts";

export interface VideoWish {
    width: number;
    height: number;
    framerate: number;
    bitrateBps: number;
}

/** By how many viewers have a decoder in hardware. */
const ORDER: readonly VideoCodecName[] = ["h264", "vp9", "av1", "vp8"];

interface Level {
    id: string;
    perSecond: number;
    perPicture: number;
}

/** By macroblocks (ISO/IEC 14496-10, table A-1): 3, 3.1, 4, 4.2, 5.1, 5.2, 6.2. */
const H264_LEVELS: readonly Level[] = [
    { id: "1e", perSecond: 40500, perPicture: 1620 },
    { id: "1f", perSecond: 108000, perPicture: 3600 },
    { id: "28", perSecond: 245760, perPicture: 8192 },
    { id: "2a", perSecond: 522240, perPicture: 8704 },
    { id: "33", perSecond: 983040, perPicture: 36864 },
    { id: "34", perSecond: 2073600, perPicture: 36864 },
    { id: "3e", perSecond: 16711680, perPicture: 139264 },
];

/** By luma samples: 3, 3.1, 4, 4.1, 5, 5.1, 5.2, 6.2. */
const VP9_LEVELS: readonly Level[] = [
    { id: "30", perSecond: 20736000, perPicture: 552960 },
    { id: "31", perSecond: 36864000, perPicture: 983040 },
    { id: "40", perSecond: 83558400, perPicture: 2228224 },
    { id: "41", perSecond: 160432128, perPicture: 2228224 },
    { id: "50", perSecond: 311951360, perPicture: 8912896 },
    { id: "51", perSecond: 588251136, perPicture: 8912896 },
    { id: "52", perSecond: 1176502272, perPicture: 8912896 },
    { id: "62", perSecond: 4706009088, perPicture: 35651584 },
];

/** By luma samples: 3.0, 3.1, 4.0, 4.1, 5.0, 5.1, 5.2, 6.2. */
const AV1_LEVELS: readonly Level[] = [
    { id: "04", perSecond: 19975680, perPicture: 665856 },
    { id: "05", perSecond: 31950720, perPicture: 1065024 },
    { id: "08", perSecond: 70778880, perPicture: 2359296 },
    { id: "09", perSecond: 141557760, perPicture: 2359296 },
    { id: "12", perSecond: 267386880, perPicture: 8912896 },
    { id: "13", perSecond: 534773760, perPicture: 8912896 },
    { id: "14", perSecond: 1069547520, perPicture: 8912896 },
    { id: "18", perSecond: 4278190080, perPicture: 35651584 },
];

function levelOf(levels: readonly Level[], perPicture: number, framerate: number): string {
    const fits = (level: Level) => perPicture <= level.perPicture && perPicture * framerate <= level.perSecond;
    return (levels.find(fits) ?? levels.at(-1))?.id ?? "";
}

/** In the order in which they are tried. */
export function codecStrings(name: VideoCodecName, { width, height, framerate }: VideoWish): string[] {
    const blocks = Math.ceil(width / 16) * Math.ceil(height / 16);
    switch (name) {
        case "h264": {
            const level = levelOf(H264_LEVELS, blocks, framerate);
            // Constrained baseline first: of the others, Firefox 153 reorders frames even in real time.
            return [`avc1.42e0${level}`, `avc1.4d00${level}`, `avc1.6400${level}`];
        }
        case "vp9":
            return [`vp09.00.${levelOf(VP9_LEVELS, width * height, framerate)}.08`];
        case "av1":
            return [`av01.0.${levelOf(AV1_LEVELS, width * height, framerate)}M.08`];
        case "vp8":
            return ["vp8"];
    }
}

/** The forms that old readers of catalogs take; of any other string they refuse the whole catalog (docs/media.md). */
const FORMS = [
    /^avc1\.[0-9a-f]{6}$/i,
    /^vp8$/,
    /^vp09(\.\d\d){3}((\.\d\d){5})?$/,
    /^av01\.[01]\.\d\d[MH]\.\d\d(\.\d\.\d{3}\.\d\d\.\d\d\.\d\d\.[01])?$/,
];

/** What the encoder says that it makes, where everybody reads it; else what it was asked for. */
export function catalogCodec(made: string | undefined, asked: string): string {
    return made !== undefined && FORMS.some((form) => form.test(made)) ? made : asked;
}

/** The part of a codec string that a decoder cannot change within a track. */
export function familyOf(codec: string): string {
    return codec.slice(0, 4);
}

function configOf(codec: string, wish: VideoWish, bitrateMode: VideoEncoderBitrateMode): VideoEncoderConfig {
    const config: VideoEncoderConfig = {
        codec,
        width: wish.width,
        height: wish.height,
        framerate: wish.framerate,
        bitrate: wish.bitrateBps,
        bitrateMode,
        latencyMode: "realtime",
    };
    if (codec.startsWith("avc1")) config.avc = { format: "annexb" };
    return config;
}

/** A constant rate is what networks like; also, Chromium 156 makes keyframes of VP9 that nobody has asked for otherwise. */
const MODES: readonly VideoEncoderBitrateMode[] = ["constant", "variable"];

async function isSupported(config: VideoEncoderConfig): Promise<boolean> {
    return (await VideoEncoder.isConfigSupported(config).catch(() => undefined))?.supported === true;
}

/** The first of `names` that this browser encodes. */
export async function chooseVideo(
    wish: VideoWish,
    names: readonly VideoCodecName[] = ORDER,
): Promise<{ name: VideoCodecName; config: VideoEncoderConfig } | undefined> {
    if (typeof VideoEncoder === "undefined") return undefined;
    const tried = names.flatMap((name) =>
        codecStrings(name, wish).flatMap((codec) =>
            MODES.map((mode) => ({ name, config: configOf(codec, wish, mode) })),
        ),
    );
    for (const one of tried) if (await isSupported(one.config)) return one;
    return undefined;
}

/** Those that are tried: the one that is wished for, or all but those that have failed. */
export function candidates(
    wish: VideoCodecName | undefined,
    failed: ReadonlySet<VideoCodecName>,
): readonly VideoCodecName[] {
    return wish ? [wish] : ORDER.filter((name) => !failed.has(name));
}

interface Size {
    width: number;
    height: number;
}

/** Even, as encoders want it, and within the frame with its shape kept. A frame that lies turns for a picture that stands. */
export function fitSize(picture: Size, frame: Size): Size {
    const isTurned = picture.width < picture.height !== frame.width < frame.height;
    const [maxWidth, maxHeight] = isTurned ? [frame.height, frame.width] : [frame.width, frame.height];
    const factor = Math.min(1, maxWidth / picture.width, maxHeight / picture.height);
    const even = (value: number) => Math.max(2, 2 * Math.round((value * factor) / 2));
    return { width: even(picture.width), height: even(picture.height) };
}

const LEAST_BITRATE_BPS = 150_000;

/** What a moving picture of this size usually needs: 2.5 Mb/s for 1280x720 at 30. */
export function usualBitrate({ width, height }: Size, framerate: number): number {
    return Math.round(Math.max(LEAST_BITRATE_BPS, width * height * framerate * 0.09));
}

/** A rendition below this height helps nobody. */
const LEAST_HEIGHT = 180;
/** Of half the size: a third of the bits is about the same quality. */
const LOW_SHARE = 0.3;

export interface Layer extends Size {
    /** What is behind "video" in the name of its track. */
    suffix: string;
    bitrateBps: number;
}

/** The renditions of a picture, the largest first. */
export function layersOf(size: Size, bitrateBps: number, hasLadder: boolean): Layer[] {
    const layers = [{ suffix: "", ...size, bitrateBps }];
    const half = fitSize(size, { width: size.width / 2, height: size.height / 2 });
    if (hasLadder && Math.min(half.width, half.height) >= LEAST_HEIGHT)
        layers.push({ suffix: "-low", ...half, bitrateBps: Math.round(bitrateBps * LOW_SHARE) });
    return layers;
}
