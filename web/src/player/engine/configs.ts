// SPDX-License-Identifier: MIT OR Apache-2.0
// From the catalog's descriptions of tracks to what WebCodecs wants to know, and what this browser can decode.
import type { AudioTrack, Catalog, VideoTrack } from "../../karp/index.ts";
import type { PlayerError } from "../state.ts";
import { codecMissing } from "./words.ts";

/** A decoder that failed so often in a row is tried without the graphics card. */
const SOFTWARE_AFTER = 2;

/** Rotation, mirroring and the shape of pixels are not told: drawing does that, alike in all browsers. */
export function videoConfig(track: VideoTrack, failures = 0): VideoDecoderConfig {
    return {
        codec: track.codec,
        optimizeForLatency: true,
        ...(track.description && {
            description: track.description,
            codedWidth: track.width,
            codedHeight: track.height,
        }),
        ...(track.colorSpace && { colorSpace: track.colorSpace }),
        ...(failures >= SOFTWARE_AFTER && { hardwareAcceleration: "prefer-software" as const }),
    };
}

const AAC_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

/** The AudioSpecificConfig of AAC-LC. Rust publishers send none; undefined: it cannot be said in two bytes. */
export function aacConfig(sampleRate: number, channels: number): Uint8Array | undefined {
    const rate = AAC_RATES.indexOf(sampleRate);
    const layout = channels === 8 ? 7 : channels;
    if (rate < 0 || layout < 1 || layout > 7 || channels === 7) return undefined;
    return Uint8Array.of((2 << 3) | (rate >> 1), ((rate & 1) << 7) | (layout << 3));
}

/**
 * The header of Ogg's Opus from the body of dOps: WebCodecs wants it for more than two channels. Without the skip at the beginning,
 * because a viewer joins in the middle.
 */
export function opusHead(box: Uint8Array): Uint8Array | undefined {
    if (box.length < 11) return undefined;
    const from = new DataView(box.buffer, box.byteOffset, box.byteLength);
    const head = new Uint8Array(8 + box.length);
    head.set(new TextEncoder().encode("OpusHead"));
    head.set(box, 8);
    const to = new DataView(head.buffer);
    to.setUint8(8, 1);
    to.setUint16(10, 0);
    to.setUint32(12, from.getUint32(4), true);
    to.setInt16(16, from.getInt16(8), true);
    return head;
}

/** Undefined: the configuration that the codec needs is not in the catalog, and cannot be made. */
export function audioConfig(track: AudioTrack): AudioDecoderConfig | undefined {
    const { codec, sampleRate, channelCount, description } = track;
    const config: AudioDecoderConfig = { codec, sampleRate, numberOfChannels: channelCount };
    if (codec === "opus") {
        const head = channelCount > 2 && description ? opusHead(description) : undefined;
        if (channelCount > 2 && !head) return undefined;
        return head ? { ...config, description: head } : config;
    }
    if (description) return { ...config, description };
    if (!codec.startsWith("mp4a.")) return config;
    const made = codec === "mp4a.40.2" ? aacConfig(sampleRate, channelCount) : undefined;
    return made && { ...config, description: made };
}

/** What people call it. */
export function nameOfCodec(codec: string): string {
    const names: [RegExp, string][] = [
        [/^avc/, "H.264"],
        [/^(hev|hvc)/, "H.265"],
        [/^vp8|^vp08/, "VP8"],
        [/^vp09/, "VP9"],
        [/^av01/, "AV1"],
        [/^mp4a/, "AAC"],
        [/^opus$/, "Opus"],
    ];
    const name = names.find(([pattern]) => pattern.test(codec))?.[1];
    return name ? `${name} (${codec})` : codec;
}

/** The tracks of a catalog that this browser decodes. */
export interface Usable {
    video: VideoTrack[];
    audio: AudioTrack[];
}

async function isVideoSupported(track: VideoTrack): Promise<boolean> {
    if (!("VideoDecoder" in globalThis)) return false;
    const support = await VideoDecoder.isConfigSupported(videoConfig(track)).catch(() => undefined);
    return support?.supported === true;
}

async function isAudioSupported(track: AudioTrack): Promise<boolean> {
    const config = audioConfig(track);
    if (!config || !("AudioDecoder" in globalThis)) return false;
    const support = await AudioDecoder.isConfigSupported(config).catch(() => undefined);
    return support?.supported === true;
}

/** `problem`: a kind of track of which nothing can be played, in words. */
export async function findUsable(catalog: Catalog): Promise<{ usable: Usable; problem: PlayerError | undefined }> {
    const [canVideo, canAudio] = await Promise.all([
        Promise.all(catalog.video.map(isVideoSupported)),
        Promise.all(catalog.audio.map(isAudioSupported)),
    ]);
    const video = catalog.video.filter((_, i) => canVideo[i]);
    const audio = catalog.audio.filter((_, i) => canAudio[i]);
    const missing: (VideoTrack | AudioTrack)[] = [];
    if (video.length === 0) missing.push(...catalog.video);
    if (audio.length === 0) missing.push(...catalog.audio);
    if (missing.length === 0) return { usable: { video, audio }, problem: undefined };
    const names = missing.map((track) => {
        const isUnconfigured = track.kind === "audio" && !audioConfig(track);
        return `${nameOfCodec(track.codec)}${isUnconfigured ? " without its configuration in the catalog" : ""}`;
    });
    const isAll = video.length + audio.length === 0;
    return { usable: { video, audio }, problem: codecMissing([...new Set(names)], isAll) };
}
