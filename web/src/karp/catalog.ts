// SPDX-License-Identifier: MIT OR Apache-2.0
// The catalog as JSON (docs/media.md). Unknown members are ignored and null counts as absent. A catalog is refused as a whole: the
// error says where and why. Members that only help to show a picture are left out where they make no sense.
import type { AudioTrack, Catalog, VideoTrack } from "./types.ts";

export const CATALOG_MAX_BYTES = 1 << 20;
export const CATALOG_MAX_TRACKS = 64;
const NAME_MAX_CHARS = 255;
const CODEC_MAX_CHARS = 63;
const DESCRIPTION_MAX_BYTES = 64 << 10;
const U32_MAX = 2 ** 32 - 1;
const START_MAX_US = 2 ** 53 - 1;

/** The catalog cannot be used; the message says where and why. */
export class CatalogError extends Error {
    override readonly name = "CatalogError";
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(object: Json, member: string, maxChars: number, place: string): string {
    const value = object[member];
    if (typeof value !== "string") throw new CatalogError(`${place} must be a string`);
    if (value.length > maxChars) throw new CatalogError(`${place} is too long`);
    return value;
}

function integerOf(value: unknown, lowest: number, highest: number, place: string): number {
    if (!Number.isInteger(value)) throw new CatalogError(`${place} must be an integer`);
    const number = value as number;
    if (number < lowest || number > highest) throw new CatalogError(`${place} is out of range`);
    return number;
}

function descriptionOf(value: unknown, place: string): Uint8Array | undefined {
    if (value === undefined || value === null || value === "") return undefined;
    if (typeof value !== "string" || !/^([0-9a-f]{2})*$/i.test(value))
        throw new CatalogError(`${place} must be pairs of hex digits`);
    if (value.length > 2 * DESCRIPTION_MAX_BYTES) throw new CatalogError(`${place} is too long`);
    const bytes = new Uint8Array(value.length / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(value.slice(2 * i, 2 * i + 2), 16);
    return bytes;
}

/** An integer in the range, or undefined for anything else. */
function tolerantInteger(value: unknown, lowest: number, highest: number): number | undefined {
    return Number.isInteger(value) && (value as number) >= lowest && (value as number) <= highest
        ? (value as number)
        : undefined;
}

const ROTATIONS = [90, 180, 270] as const;
const PRIMARIES = ["bt709", "bt470bg", "smpte170m", "bt2020", "smpte432"];
const TRANSFERS = ["bt709", "smpte170m", "linear", "iec61966-2-1", "pq", "hlg"];
const MATRICES = ["rgb", "bt709", "bt470bg", "smpte170m", "bt2020-ncl"];

/** What WebCodecs has words for; a colour that is given by its number is left to the decoder. */
function colorSpaceOf(value: unknown): VideoColorSpaceInit | undefined {
    if (!isObject(value)) return undefined;
    const space: Json = {};
    const words: [string, string[]][] = [
        ["primaries", PRIMARIES],
        ["transfer", TRANSFERS],
        ["matrix", MATRICES],
    ];
    for (const [member, known] of words) if (known.includes(value[member] as string)) space[member] = value[member];
    if (Object.keys(space).length === 0) return undefined;
    if (typeof value.fullRange === "boolean") space.fullRange = value.fullRange;
    return space;
}

/** Leaves out what is undefined. */
function defined<T extends object>(members: { [Key in keyof T]: T[Key] | undefined }): T {
    return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

function displayOf(object: Json) {
    const aspectWidth = tolerantInteger(object.displayAspectWidth, 1, 2 ** 31 - 1);
    const aspectHeight = tolerantInteger(object.displayAspectHeight, 1, 2 ** 31 - 1);
    const hasAspect = aspectWidth !== undefined && aspectHeight !== undefined;
    return {
        rotation: ROTATIONS.find((rotation) => rotation === object.rotation),
        flip: object.flip === true ? true : undefined,
        displayAspectWidth: hasAspect ? aspectWidth : undefined,
        displayAspectHeight: hasAspect ? aspectHeight : undefined,
        colorSpace: colorSpaceOf(object.colorSpace),
    };
}

function nonEmptyText(value: unknown, maxChars: number): string | undefined {
    return typeof value === "string" && value.length > 0 && value.length <= maxChars ? value : undefined;
}

function trackOf(object: Json, place: string) {
    const track = object.track;
    if (!isObject(track)) throw new CatalogError(`${place}.track must be an object`);
    const bitrate = object.bitrate ?? undefined;
    return {
        name: textOf(track, "name", NAME_MAX_CHARS, `${place}.track.name`),
        priority: integerOf(track.priority, -128, 127, `${place}.track.priority`),
        codec: textOf(object, "codec", CODEC_MAX_CHARS, `${place}.codec`),
        description: descriptionOf(object.description, `${place}.description`),
        bitrateBps:
            bitrate === undefined ? undefined : integerOf(bitrate, 0, Number.MAX_SAFE_INTEGER, `${place}.bitrate`),
        timescale: tolerantInteger(object.timescale, 1, U32_MAX),
        language: nonEmptyText(object.language, 3),
        languageTag: nonEmptyText(object.languageTag, 35),
    };
}

function videoOf(object: Json, place: string): VideoTrack {
    const size = object.resolution;
    if (!isObject(size)) throw new CatalogError(`${place}.resolution must be an object`);
    return defined<VideoTrack>({
        kind: "video",
        ...trackOf(object, place),
        width: integerOf(size.width, 0, U32_MAX, `${place}.resolution.width`),
        height: integerOf(size.height, 0, U32_MAX, `${place}.resolution.height`),
        ladder: nonEmptyText(object.ladder, NAME_MAX_CHARS),
        ...displayOf(object),
    });
}

function audioOf(object: Json, place: string): AudioTrack {
    return defined<AudioTrack>({
        kind: "audio",
        ...trackOf(object, place),
        sampleRate: integerOf(object.sample_rate, 0, U32_MAX, `${place}.sample_rate`),
        channelCount: integerOf(object.channel_count, 0, U32_MAX, `${place}.channel_count`),
    });
}

function listOf<T>(root: Json, list: string, read: (object: Json, place: string) => T): T[] {
    const value = root[list];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw new CatalogError(`${list} must be a list`);
    if (value.length > CATALOG_MAX_TRACKS) throw new CatalogError(`more than ${CATALOG_MAX_TRACKS} tracks`);
    return value.map((object: unknown, i) => {
        if (!isObject(object)) throw new CatalogError(`${list}[${i}] must be an object`);
        return read(object, `${list}[${i}]`);
    });
}

function rejectTwins(catalog: Catalog): void {
    const names = new Set<string>();
    for (const { name } of [...catalog.video, ...catalog.audio]) {
        if (names.has(name)) throw new CatalogError(`two tracks are named "${name}"`);
        names.add(name);
    }
    if (names.size > CATALOG_MAX_TRACKS) throw new CatalogError(`more than ${CATALOG_MAX_TRACKS} tracks`);
}

/** Throws CatalogError. */
export function parseCatalog(bytes: Uint8Array): Catalog {
    if (bytes.length > CATALOG_MAX_BYTES)
        throw new CatalogError(`the catalog has ${bytes.length} bytes, at most ${CATALOG_MAX_BYTES}`);
    let root: unknown;
    try {
        root = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (error) {
        throw new CatalogError(`the catalog is no JSON: ${error instanceof Error ? error.message : error}`);
    }
    if (!isObject(root)) throw new CatalogError("the catalog must be an object");
    const catalog = defined<Catalog>({
        video: listOf(root, "video", videoOf),
        audio: listOf(root, "audio", audioOf),
        startUs: tolerantInteger(root.start, 0, START_MAX_US),
    });
    rejectTwins(catalog);
    return catalog;
}

function hexOf(bytes: Uint8Array | undefined): string | undefined {
    if (!bytes?.length) return undefined;
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function jsonOf(track: VideoTrack | AudioTrack): Json {
    const what =
        track.kind === "video"
            ? { resolution: { width: track.width, height: track.height } }
            : { sample_rate: track.sampleRate, channel_count: track.channelCount };
    const shown =
        track.kind === "video"
            ? {
                  ladder: track.ladder,
                  rotation: track.rotation || undefined,
                  flip: track.flip || undefined,
                  displayAspectWidth: track.displayAspectWidth,
                  displayAspectHeight: track.displayAspectHeight,
                  colorSpace: track.colorSpace,
              }
            : {};
    return {
        track: { name: track.name, priority: track.priority },
        codec: track.codec,
        description: hexOf(track.description),
        ...what,
        bitrate: track.bitrateBps,
        timescale: track.timescale,
        language: track.language,
        languageTag: track.languageTag,
        ...shown,
    };
}

/** Compact, with the keys in the order that all peers accept; JSON leaves out what is undefined. */
export function printCatalog(catalog: Catalog): Uint8Array {
    const { video, audio, startUs } = catalog;
    const root = {
        video: video.length ? video.map(jsonOf) : undefined,
        audio: audio.length ? audio.map(jsonOf) : undefined,
        start: startUs,
    };
    return new TextEncoder().encode(JSON.stringify(root));
}
