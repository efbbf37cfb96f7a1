// SPDX-License-Identifier: MIT OR Apache-2.0
// What ffprobe and ffmpeg find in a file that moq-karp has written of a broadcast, and what it has to be like.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Everything that is in a file: streams and packets, after ffmpeg has decoded it all without a word. Pictures first, the largest before. */
export async function inspect(file) {
    // The times as they are: a busy machine makes pictures late, and ffmpeg would put two of them into one place of a grid of its own.
    const asTheyAre = ["-enc_time_base", "-1"];
    const { stderr } = await run("ffmpeg", ["-v", "error", "-xerror", "-i", file, "-map", "0", ...asTheyAre, "-f", "null", "-"]);
    assert.equal(stderr, "", `ffmpeg about ${file}`);
    const words = ["-v", "error", "-of", "json", "-show_streams", "-show_packets", file];
    const { stdout } = await run("ffprobe", words, { maxBuffer: 64 << 20 });
    const { streams, packets } = JSON.parse(stdout);
    const sorted = streams.toSorted((a, b) => (b.width ?? 0) - (a.width ?? 0));
    return sorted.map((stream) => ({
        ...stream,
        packets: packets
            .filter(({ stream_index }) => stream_index === stream.index)
            .map(({ pts_time, flags }) => ({ timeS: Number(pts_time), isKey: flags.startsWith("K") })),
    }));
}

export async function loudestDb(file) {
    const { stderr } = await run("ffmpeg", ["-i", file, "-map", "0:a", "-af", "volumedetect", "-f", "null", "-"]);
    return Number(/max_volume: ([-\d.]+) dB/.exec(stderr)?.[1]);
}

export const keysOf = ({ packets }) => packets.filter(({ isKey }) => isKey).map(({ timeS }) => timeS);
const stepsOf = (times) => times.slice(1).map((time, i) => time - times[i]);

/** Of keyframes that viewers ask for: two renditions at most. */
const MAX_ASKED = 2;

export function checkPicture(stream, codec, width, height, keyframeS = 2) {
    assert.deepEqual([stream.codec_name, stream.width, stream.height], [codec, width, height]);
    const steps = stepsOf(stream.packets.map(({ timeS }) => timeS));
    assert.ok(stream.packets.length > 8, `${stream.packets.length} pictures`);
    assert.ok(steps.every((step) => step > 0), "frames are in order");
    // Whoever begins to watch a rendition may ask for a keyframe of its own. A machine that stalls makes some late.
    const keySteps = stepsOf(keysOf(stream));
    const regular = keySteps.filter((step) => step > 0.45 * keyframeS);
    const usual = regular.toSorted((a, b) => a - b)[regular.length >> 1];
    const isRegular = Math.abs(usual - keyframeS) < 0.25 * keyframeS && keySteps.length - regular.length <= MAX_ASKED;
    assert.ok(isRegular, `keyframes after ${keySteps}`);
}

export function checkSound(stream) {
    assert.deepEqual([stream.codec_name, stream.sample_rate, stream.channels], ["opus", "48000", 2]);
    const steps = stepsOf(stream.packets.map(({ timeS }) => timeS));
    assert.ok(steps.length > 50, `${steps.length} packets of sound`);
    const ordinary = steps.filter((step) => Math.abs(step - 0.02) < 0.0015).length;
    assert.ok(ordinary > 0.9 * steps.length, `${steps.length - ordinary} of ${steps.length} packets are out of step`);
}
