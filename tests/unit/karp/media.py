#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Real media through import and export: ffmpeg makes clips with several codecs and muxer settings, and reads both sides.

usage: media.py ROUNDTRIP [CASE...]     ROUNDTRIP: the program roundtrip

For each stream the payloads and their order must be the same, and the presentation times must differ by one constant
(the import moves files that begin before zero; ffmpeg's reader moves streams with negative composition offsets), to the
microsecond. Decode times must rise, and ffprobe must have nothing to say about the output."""

import os
import subprocess
import sys
import tempfile

CMAF = "cmaf+separate_moof+delay_moov+skip_trailer+frag_every_frame"
H264 = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "30"]
H265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=30"]
VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30"]
AV1 = ["-c:v", "libsvtav1", "-preset", "12", "-g", "30"]
AAC, OPUS = ["-c:a", "aac"], ["-c:a", "libopus"]

# name: (encoders, muxer, options of roundtrip, constant between input and output in microseconds by stream or None)
CASES = {
    "h264_aac_frame_by_frame": (H264 + AAC, CMAF, [], None),
    "h265_opus_frame_by_frame": (H265 + OPUS, CMAF, [], None),
    "vp9_opus_frame_by_frame": (VP9 + OPUS, CMAF, [], {0: 0, 1: 0}),
    "av1_aac_frame_by_frame": (AV1 + AAC, CMAF, [], {0: 0, 1: 0}),
    "no_b_frames": (H264 + ["-bf", "0"] + AAC, CMAF, [], {0: 0, 1: 0}),
    "a_fragment_per_group_in_both": (H264 + AAC, "frag_keyframe+empty_moov+default_base_moof", ["-g"], {0: 0, 1: 0}),
    "samples_in_the_first_moov": (H264 + AAC, "frag_keyframe", [], {0: 0, 1: 0}),
    "edit_lists": (H264 + AAC, "frag_keyframe+delay_moov", [], {0: 23220, 1: 23220}),
    "absolute_offsets_and_many_runs": (H264 + AAC, "frag_keyframe+empty_moov", [], {0: 0, 1: 0}),
    "omitted_offsets": (H264 + AAC, "frag_keyframe+empty_moov+omit_tfhd_offset", [], {0: 0, 1: 0}),
    "indexes_in_between": (H265 + OPUS, "dash+frag_keyframe+global_sidx", [], {0: 0, 1: 0}),
    "a_whole_file": (H264 + AAC, "faststart", [], {0: 23220, 1: 23220}),
    "audio_alone": (["-vn"] + OPUS, CMAF, [], None),
    "video_alone_in_pieces_of_one_byte": (H264 + ["-an"], CMAF, ["-c", "1"], None),
    "pieces_of_977_bytes": (VP9 + AAC, CMAF, ["-c", "977"], None),
    "mono_aac_at_96_khz": (H264 + AAC + ["-ac", "1", "-ar", "96000"], CMAF, [], None),
    "open_groups": (["-c:v", "libx265", "-preset", "medium", "-x265-params", "log-level=none:keyint=24:open-gop=1:bframes=4"]
                    + AAC, "frag_keyframe+empty_moov+default_base_moof", [], {0: 0, 1: 0}),
}


def call(argv, **more):
    done = subprocess.run(argv, capture_output=True, **more)
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip()


def encode(folder, encoders, muxer):
    """Encodes once into a plain file, then muxes it as asked, the way a publisher does."""
    plain, path = os.path.join(folder, "plain.mp4"), os.path.join(folder, "in.mp4")
    sources = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=3", "-f", "lavfi", "-i", "sine=r=44100:d=3"]
    for argv in (["-v", "fatal", *sources, "-pix_fmt", "yuv420p", *encoders, plain],
                 ["-v", "error", "-i", plain, "-c", "copy", "-f", "mp4", "-movflags", muxer, path]):
        status, _, err = call(["ffmpeg", "-y", *argv], env=dict(os.environ, SVT_LOG="0"))
        if status != 0:
            return None, err
    return path, ""


def packets(path):
    """{stream: [(pts in microseconds, dts, size, md5)]}"""
    status, out, err = call(["ffmpeg", "-v", "error", "-copyts", "-i", path, "-map", "0", "-c", "copy", "-f", "framemd5", "-"])
    if status != 0:
        raise AssertionError(f"ffmpeg cannot read {path}: {err}")
    bases, streams = {}, {}
    for line in out.decode().splitlines():
        if line.startswith("#tb "):
            number, fraction = line[4:].split(":")
            bases[int(number)] = [int(part) for part in fraction.split("/")]
        elif line and line[0] != "#":
            number, dts, pts, _, size, md5 = [field.strip() for field in line.split(",")][:6]
            top, bottom = bases[int(number)]
            streams.setdefault(int(number), []).append((int(pts) * top * 1000000 // bottom, int(dts), int(size), md5))
    return streams


def differences(before, after, constants):
    """What differs, in words, one by one."""
    if sorted(before) != sorted(after):
        yield f"streams {sorted(after)} instead of {sorted(before)}"
        return
    for number, expected in before.items():
        actual = after[number]
        if [packet[2:] for packet in expected] != [packet[2:] for packet in actual]:
            yield f"stream {number}: {len(actual)} packets of {len(expected)}, or other payloads, or another order"
            continue
        shifts = [got[0] - want[0] for want, got in zip(expected, actual)]
        if max(shifts) - min(shifts) > 1:
            yield f"stream {number}: presentation times move by {min(shifts)} to {max(shifts)} us"
        if constants and not constants[number] - 1 <= shifts[0] <= constants[number]:
            yield f"stream {number}: presentation times move by {shifts[0]} us instead of {constants[number]}"
        if any(a[1] >= b[1] for a, b in zip(actual, actual[1:])):
            yield f"stream {number}: decode times do not rise"
        if any(packet[1] > packet[0] for packet in actual):
            yield f"stream {number}: decode after presentation"


def check(folder, roundtrip, case):
    encoders, muxer, options, constants = CASES[case]
    path, err = encode(folder, encoders, muxer)
    if not path:
        return [f"ffmpeg cannot make the clip: {err}"]
    result = os.path.join(folder, "out.mp4")
    with open(path, "rb") as source, open(result, "wb") as sink:
        done = subprocess.run([roundtrip, *options], stdin=source, stdout=sink, stderr=subprocess.PIPE)
    if done.returncode != 0:
        return [f"roundtrip fails: {done.stderr.decode()[-300:]}"]
    problems = list(differences(packets(path), packets(result), constants))
    _, _, words = call(["ffprobe", "-v", "error", "-show_packets", result])
    _, _, more = call(["ffmpeg", "-v", "error", "-i", result, "-f", "null", "-"])
    # ffmpeg's own muxer dates two packets of audio alike when each has a fragment; decoded, that is no news.
    more = "\n".join(line for line in more.splitlines() if "non monotonically increasing dts to muxer" not in line)
    return problems + [f"the output is read with: {text[:400]}" for text in (words, more) if text]


def main(roundtrip, names):
    failed = 0
    for case in names or CASES:
        with tempfile.TemporaryDirectory() as folder:
            problems = check(folder, roundtrip, case)
        print(("FAIL " if problems else "ok   ") + case + "".join(f"\n     {text}" for text in problems), flush=True)
        failed += bool(problems)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2:]) else 0)
