#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Real media through import and export: ffmpeg makes clips with several codecs and muxer settings, and reads both sides.

usage: media.py ROUNDTRIP [CASE...]     ROUNDTRIP: the program roundtrip

For each stream the payloads, their order and their presentation times must be the same, to the microsecond: as ffprobe
lists them and as a plain `ffmpeg -c copy -f framemd5` does. Frames of sound may be put one length after the one before
instead, and must be where ffmpeg dates them in pairs: when each has a fragment of its own. Decode times must rise, and
ffprobe must have nothing to say about the output."""

import json
import os
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

TICK = 42  # microseconds, of a clock of 24 kHz
WHOLE = "faststart"
GROUPS = "frag_keyframe+empty_moov+default_base_moof"
CMAF = "cmaf+separate_moof+delay_moov+skip_trailer"  # with a fragment per frame
H264 = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "30"]
FLAT = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-x264-params", "b-pyramid=none", "-g", "30"]
H265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=30"]
VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30"]
AV1 = ["-c:v", "libsvtav1", "-preset", "12", "-g", "30"]
HVC1 = ["-tag:v", "hvc1"]
AAC, OPUS = ["-c:a", "aac"], ["-c:a", "libopus"]


def channels(layout):
    """Sound of so many channels, each with a tone of its own."""
    count = {"5.1": 6, "5.1(side)": 6, "7.1": 8, "7.1(wide)": 8, "quad": 4, "3.0": 3}[layout]
    tones = "|".join(f"0.1*sin({300 + 70 * i}*2*PI*t)" for i in range(count))
    return ["-filter_complex", f"aevalsrc={tones}:c={layout}:s=48000:d=3[sound]", "-map", "0:v", "-map", "[sound]"]


def configuration(body):
    """Sets the AudioSpecificConfig, whatever the encoder wrote: as others signal the same, or what ffmpeg cannot encode."""
    def edit(data):
        at = data.index(b"esds")
        size = struct.unpack(">I", data[at - 4:at])[0]
        new = bytes.fromhex(body)
        stream = b"\x04" + bytes([13 + 2 + len(new)]) + bytes.fromhex("4015000000") + bytes(8) + b"\x05" + bytes([len(new)]) + new
        made = box("esds", bytes(4), b"\x03", bytes([3 + len(stream) + 3]), bytes(3), stream, bytes.fromhex("060102"))
        return resized(data, at - 4, size, made)
    return edit


def resized(data, at, size, made):
    """Replaces the box at `at` by another, and corrects the sizes of the boxes around it."""
    out = bytearray(data[:at] + made + data[at + size:])
    begin, end, header = 0, len(data), 0
    while begin != at:
        length, kind = struct.unpack(">I4s", data[begin:begin + 8])
        if begin + length <= at:
            begin += length
            continue
        out[begin:begin + 4] = struct.pack(">I", length + len(made) - size)
        header = {b"stsd": 16, b"mp4a": 36, b"avc1": 86}.get(kind, 8)
        begin, end = begin + header, begin + length
    return bytes(out)

TURNED = ["-metadata:s:v", "rotate=90"]
GERMAN = ["-metadata:s:v", "language=eng", "-metadata:s:a", "language=deu"]
HDR = ["-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv"]

# name: (encoders, muxer, options of roundtrip, more options of the muxer, how to edit the file); the last two may be left out
CASES = {
    "h264_aac_frame_by_frame": (H264 + AAC, CMAF, []),
    "h265_opus_frame_by_frame": (H265 + OPUS, CMAF, []),
    "vp9_opus_frame_by_frame": (VP9 + OPUS, CMAF, []),
    "av1_aac_frame_by_frame": (AV1 + AAC, CMAF, []),
    "no_b_frames": (H264 + ["-bf", "0"] + AAC, CMAF, []),
    "a_fragment_per_group_in_both": (H264 + AAC, "frag_keyframe+empty_moov+default_base_moof", ["-g"]),
    "samples_in_the_first_moov": (H264 + AAC, "frag_keyframe", []),
    "edit_lists": (H264 + AAC, "frag_keyframe+delay_moov", []),
    "absolute_offsets_and_many_runs": (H264 + AAC, "frag_keyframe+empty_moov", []),
    "omitted_offsets": (H264 + AAC, "frag_keyframe+empty_moov+omit_tfhd_offset", []),
    "indexes_in_between": (H265 + OPUS, "dash+frag_keyframe+global_sidx", []),
    "edit_lists_and_pyramids": (H264 + AAC, "frag_keyframe+empty_moov+delay_moov", []),
    "edit_lists_without_pyramids": (FLAT + AAC, "frag_keyframe+empty_moov+delay_moov", []),
    "edit_lists_frame_by_frame": (H264 + AAC, "frag_every_frame+delay_moov", []),
    "edit_lists_of_h265_frame_by_frame": (H265 + OPUS, "frag_every_frame+delay_moov", []),
    "edit_lists_of_av1_and_opus": (AV1 + OPUS, "frag_keyframe+delay_moov", []),
    "edit_lists_and_nothing_to_reorder": (VP9 + OPUS, "frag_every_frame+delay_moov", []),
    "edit_lists_at_24_frames_a_second": (H264 + AAC + ["-r", "24000/1001"], "frag_every_frame+delay_moov", []),
    "edit_lists_and_no_descriptions": (H264 + ["-x264-params", "repeat-headers=1"] + AAC, "frag_keyframe+delay_moov", ["-n"]),
    "no_pyramids_frame_by_frame": (FLAT + AAC, CMAF, []),
    "24_frames_a_second_frame_by_frame": (H264 + AAC + ["-r", "24000/1001"], CMAF, []),
    "positive_offsets_frame_by_frame": (H264 + AAC, "frag_every_frame+empty_moov", []),
    "a_whole_file": (H264 + AAC, WHOLE, []),
    "audio_alone": (["-vn"] + OPUS, CMAF, []),
    "video_alone_in_pieces_of_one_byte": (H264 + ["-an"], CMAF, ["-c", "1"]),
    "pieces_of_977_bytes": (VP9 + AAC, CMAF, ["-c", "977"]),
    "a_first_frame_that_lasts_until_the_sound_begins": (FLAT + AAC + ["-ar", "8000"], GROUPS, []),
    "pyramids_and_a_long_first_frame": (H264 + AAC + ["-ar", "8000"], GROUPS, []),
    "a_first_frame_that_lasts_seconds": (H264 + ["-bf", "5", "-b_strategy", "0", "-vf", "setpts=PTS+3/TB"] + AAC, GROUPS, [],
                                         ["-use_editlist", "0"]),
    "five_frames_a_second_frame_by_frame": (H264 + ["-bf", "5", "-b_strategy", "0", "-r", "5"] + AAC, CMAF, []),
    "mono_aac_at_96_khz": (H264 + AAC + ["-ac", "1", "-ar", "96000"], CMAF, []),
    "parameter_sets_in_the_frames_of_h264": (["-c:v", "libx264", "-x264-params", "repeat-headers=1:keyint=30"] + AAC, CMAF, ["-n"]),
    "parameter_sets_in_the_frames_of_h265": (["-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                                              "log-level=none:keyint=30:repeat-headers=1"] + OPUS, CMAF, ["-n"]),
    "h264_of_ten_bits_and_444": (H264 + ["-pix_fmt", "yuv444p10le", "-x264-params", "repeat-headers=1"] + AAC, CMAF, ["-n"]),
    "interlaced_h264_with_hrd": (H264 + ["-x264-params", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:tff=1:repeat-headers=1"] + AAC,
                                 CMAF, ["-n"]),
    "baseline_h264": (["-c:v", "libx264", "-profile:v", "baseline", "-g", "30"] + AAC, CMAF, []),
    "av1_without_a_record": (["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "30"] + AAC, CMAF, ["-n"]),
    "vp8": (["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "30"], "ivf", []),
    "aac_of_5.1_has_a_configuration": (H264 + AAC + channels("5.1"), GROUPS, []),
    "aac_of_5.1_side_has_a_program": (H264 + AAC + channels("5.1(side)"), GROUPS, []),
    "aac_of_7.1_wide_has_a_program": (H264 + AAC + channels("7.1(wide)"), GROUPS, []),
    "aac_of_four_channels": (H264 + AAC + channels("quad"), GROUPS, []),
    "opus_of_5.1_has_a_mapping": (H264 + OPUS + ["-mapping_family", "1"] + channels("5.1"), GROUPS, []),
    "opus_of_7.1_has_a_mapping": (H264 + OPUS + ["-mapping_family", "1"] + channels("7.1"), GROUPS, []),
    "opus_of_one_channel": (H264 + OPUS + ["-ac", "1"], GROUPS, []),
    "he_aac_that_says_nothing_of_it": (H264 + AAC + ["-ar", "24000", "-ac", "2"], GROUPS, [], [], configuration("1310")),
    "he_aac_after_lc": (H264 + AAC + ["-ar", "24000", "-ac", "2"], GROUPS, [], [], configuration("131056e598")),
    "he_aac_before_lc": (H264 + AAC + ["-ar", "24000", "-ac", "2"], GROUPS, [], [], configuration("2b118800")),
    "aac_with_frames_of_960_samples": (H264 + AAC + ["-ar", "48000", "-ac", "2"], GROUPS, [], [], configuration("1194")),
    "aac_of_one_channel_of_a_stranger": (H264 + ["-x264-params", "repeat-headers=1"] + AAC + ["-ac", "1"], GROUPS, ["-n"]),
    "aac_of_3.0_of_a_stranger": (H264 + ["-x264-params", "repeat-headers=1"] + AAC + channels("3.0"), GROUPS, ["-n"]),
    "aac_of_5.1_of_a_stranger": (H264 + ["-x264-params", "repeat-headers=1"] + AAC + channels("5.1"), GROUPS, ["-n"]),
    "aac_of_7.1_of_a_stranger": (["-vn"] + AAC + channels("7.1"), GROUPS, ["-n"]),
    "turned_by_a_quarter": (H264 + AAC, CMAF, [], TURNED),
    "turned_by_two_quarters": (H265 + AAC, CMAF, [], ["-metadata:s:v", "rotate=180"]),
    "turned_by_three_quarters": (AV1 + AAC, CMAF, [], ["-metadata:s:v", "rotate=270"]),
    "pixels_that_are_not_square": (H264 + AAC, CMAF, [], ["-aspect", "4:3"]),
    "pixels_of_vp9_that_are_not_square": (VP9 + OPUS, CMAF, [], ["-aspect", "64:27"]),
    "pixels_of_av1_turned_and_not_square": (AV1 + OPUS, CMAF, [], [*TURNED, "-aspect", "4:3"]),
    "pixels_that_the_codec_says_are_not_square": (H264 + ["-vf", "setsar=16/11"] + AAC, CMAF, []),
    "languages": (H264 + AAC, CMAF, [], GERMAN),
    "a_language_of_quicktime": (H264 + ["-an"], "frag_keyframe+empty_moov", [], ["-f", "mov", "-metadata:s:v", "language=fra"]),
    "colours_of_av1": (AV1 + ["-pix_fmt", "yuv420p10le", *HDR] + OPUS, CMAF, [], HDR),
    "colours_of_vp9": (VP9 + [*HDR] + OPUS, CMAF, [], HDR),
    "colours_of_h265": (H265 + ["-pix_fmt", "yuv420p10le"] + OPUS, CMAF + "+write_colr", [], HDR),
    "colours_of_full_range": (H264 + AAC, CMAF + "+write_colr", [], ["-color_primaries", "bt470bg", "-color_trc", "gamma28", "-colorspace", "bt470bg", "-color_range", "pc"]),
    "colours_of_quicktime_do_not_tell_the_range": (H264 + ["-color_range", "pc"] + AAC, CMAF + "+write_colr", [], ["-f", "mov", *HDR[:6]]),
    "h265_for_apple": (H265 + HVC1 + OPUS, CMAF, [], HVC1),
    "h265_for_apple_with_sets_in_the_frames": (H265[:4] + ["-x265-params", "log-level=none:keyint=30:repeat-headers=1"] + HVC1 + OPUS,
                                               CMAF, [], HVC1),
    "open_groups": (["-c:v", "libx265", "-preset", "medium", "-x265-params", "log-level=none:keyint=24:open-gop=1:bframes=4"]
                    + AAC, "frag_keyframe+empty_moov+default_base_moof", []),
}


def call(argv, **more):
    done = subprocess.run(argv, capture_output=True, **more)
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip()


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def numbers(layout, *values):
    return struct.pack(">" + layout, *values)


def vp8_moov(timescale):
    entry = box("vp08", bytes(24), numbers("HH", 320, 180), bytes(50), box("vpcC", numbers("IBBBBBBH", 1 << 24, 0, 10, 0x82, 1, 1, 1, 0)))
    stbl = box("stbl", box("stsd", numbers("II", 0, 1), entry))
    media = box("mdia", box("mdhd", bytes(12), numbers("I", timescale), bytes(8)),
                box("hdlr", bytes(8), b"vide", bytes(13)), box("minf", stbl))
    matrix = numbers("9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    return box("moov", box("mvhd", bytes(12), numbers("I", 1000), bytes(20), matrix, bytes(28)),
               box("trak", box("tkhd", bytes(12), numbers("I", 7), bytes(24), matrix, bytes(8)), media),
               box("mvex", box("trex", numbers("IIIIII", 0, 7, 1, 0, 0, 0))))


def vp8_into_mp4(source, path):
    """VP8 in MP4, which ffmpeg reads but does not write: an IVF file, frame by frame."""
    with open(source, "rb") as file:
        data = file.read()
    timescale, at = struct.unpack("<I", data[16:20])[0], 32
    with open(path, "wb") as out:
        out.write(box("ftyp", b"iso6", bytes(4)) + vp8_moov(timescale))
        while at < len(data):
            size, time = struct.unpack("<IQ", data[at:at + 12])
            frame = data[at + 12:at + 12 + size]
            flags = 0x01010000 if frame[0] & 1 else 0x02000000
            out.write(box("moof", box("traf", box("tfhd", numbers("II", 0x20000, 7)), box("tfdt", numbers("IQ", 1 << 24, time)),
                                      box("trun", numbers("IIIIII", 0x701, 1, 92, 1, size, flags)))) + box("mdat", frame))
            at += 12 + size


def encode(folder, encoders, muxer, more=()):
    """Encodes once into a plain file, then muxes it as asked, the way a publisher does."""
    plain, path = os.path.join(folder, "plain.mp4"), os.path.join(folder, "in.mp4")
    sources = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=3", "-f", "lavfi", "-i", "sine=r=44100:d=3"]
    if muxer == "ivf":
        status, _, err = call(["ffmpeg", "-y", "-v", "error", *sources[:4], *encoders, plain + ".ivf"])
        if status == 0:
            vp8_into_mp4(plain + ".ivf", path)
        return path if status == 0 else None, err
    fragments = ["-movflags", muxer, *(["-frag_duration", "1"] if muxer.startswith(CMAF) else [])]
    for argv in (["-v", "fatal", *sources, "-pix_fmt", "yuv420p", *encoders, plain],
                 ["-v", "error", "-i", plain, "-c", "copy", "-f", "mp4", *fragments, *more, path]):
        status, _, err = call(["ffmpeg", "-y", *argv], env=dict(os.environ, SVT_LOG="0"))
        if status != 0:
            return None, err
    return path, ""


def packets(path):
    """{stream: [(pts in microseconds, dts, size, md5)]}, read as anybody would."""
    status, out, err = call(["ffmpeg", "-v", "error", "-i", path, "-map", "0", "-c", "copy", "-f", "framemd5", "-"])
    if status != 0:
        raise AssertionError(f"ffmpeg cannot read {path}: {err}")
    bases, streams = {}, {}
    for line in out.decode().splitlines():
        if line.startswith("#tb "):
            number, fraction = line[4:].split(":")
            bases[int(number)] = Fraction(fraction.strip())
        elif line and line[0] != "#":
            number, dts, pts, _, size, md5 = [field.strip() for field in line.split(",")][:6]
            streams.setdefault(int(number), []).append((int(pts) * bases[int(number)] * 1000000, int(dts), int(size), md5))
    return streams


def demuxed(path):
    """The same as ffprobe lists it: before anything is moved to begin at zero."""
    _, out, _ = call(["ffprobe", "-v", "error", "-show_streams", "-show_packets", "-of", "json", path])
    listing, streams = json.loads(out), {}
    bases = {stream["index"]: Fraction(stream["time_base"]) for stream in listing["streams"]}
    for packet in listing["packets"]:
        number = packet["stream_index"]
        streams.setdefault(number, []).append((packet["pts"] * bases[number] * 1000000, packet["dts"], packet["size"]))
    return streams


def frame_lengths(path):
    """{stream of sound: how long a frame lasts, in microseconds}"""
    _, out, _ = call(["ffprobe", "-v", "error", "-select_streams", "a", "-show_streams", "-show_packets", "-of", "json", path])
    listing = json.loads(out)
    bases = {stream["index"]: Fraction(stream["time_base"]) for stream in listing["streams"]}
    lengths = {stream["index"]: Fraction(20000) for stream in listing["streams"]}  # of Opus, where packets do not tell
    for packet in listing["packets"][1:-1]:  # the first and the last are cut
        if "duration" in packet:
            lengths[packet["stream_index"]] = packet["duration"] * bases[packet["stream_index"]] * 1000000
    return lengths


def uneven(before, after, length, is_paired):
    """Which frames of sound are neither where they were nor one length after the one before."""
    times = [(want[0], got[0], got[0] - last[0]) for want, got, last in zip(before[1:], after[1:], after)]
    for number, (want, got, step) in enumerate(times, 1):
        is_even = abs(step - length) <= TICK
        # Some files have a gap after their first frame, which is followed, and a short last one.
        is_inside = 4 < number < len(times) - 2
        if not is_even and (abs(got - want) > 1 or (is_paired and is_inside)):
            yield number


def differences(reader, before, after, lengths, is_paired):
    """What differs, in words, one by one."""
    if sorted(before) != sorted(after):
        yield f"{reader}: streams {sorted(after)} instead of {sorted(before)}"
        return
    for number, expected in before.items():
        actual = after[number]
        if [packet[2:] for packet in expected] != [packet[2:] for packet in actual]:
            yield f"{reader}: stream {number}: {len(actual)} packets of {len(expected)}, or other payloads, or another order"
            continue
        shifts = [round(got[0]) - round(want[0]) for want, got in zip(expected, actual)]
        if number in lengths:
            wrong = list(uneven(expected, actual, lengths[number], is_paired))
            if wrong or max(shifts) > lengths[number] + TICK or min(shifts) < -lengths[number] - TICK:
                yield f"{reader}: stream {number}: frames {wrong[:9]} of sound are not where they should be"
        elif max(shifts) > 1 or min(shifts) < -1:
            yield f"{reader}: stream {number}: presentation times are off by {min(shifts)} to {max(shifts)} us"
        if any(a[1] >= b[1] for a, b in zip(actual, actual[1:])):
            yield f"{reader}: stream {number}: decode times do not rise"
        if any(packet[1] > packet[0] for packet in actual):
            yield f"{reader}: stream {number}: decode after presentation"


def records(path):
    """The configuration of each stream, as a decoder gets it."""
    _, out, _ = call(["ffprobe", "-v", "quiet", "-show_streams", "-show_data_hash", "sha256", "-of", "json", path])
    return {stream["index"]: stream.get("extradata_hash") for stream in json.loads(out).get("streams", [])}


def shown(path):
    """Each stream's sample entry, and how it is shown: turned, how wide its pixels are, in which colours; and its language."""
    _, out, _ = call(["ffprobe", "-v", "quiet", "-show_streams", "-of", "json", path])
    return [[[stream.get(name) for name in ("codec_tag_string", "width", "height", "color_primaries", "color_transfer", "color_space", "color_range")],
             stream.get("sample_aspect_ratio", "1:1"), [data.get("rotation") for data in stream.get("side_data_list", [])],
             stream.get("tags", {}).get("language", "und")] for stream in json.loads(out).get("streams", [])]


def decoded_sound(path):
    """A hash of all that is heard, whatever its times. None: ffmpeg decodes nothing."""
    status, out, _ = call(["ffmpeg", "-v", "quiet", "-i", path, "-map", "0:a", "-af", "asetpts=N/SR/TB", "-f", "md5", "-"])
    return out if status == 0 and out.startswith(b"MD5=") else None


def has_sound(path):
    return b"audio" in call(["ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=codec_type", "-of", "csv=p=0", path])[1]


def sound_problems(path, result):
    before, after = decoded_sound(path), decoded_sound(result)
    if not before:
        return ["the sound of the clip cannot be decoded"]
    return [] if before == after else ["the sound differs" if after else "the sound cannot be decoded any more"]


def check(folder, roundtrip, case):
    encoders, muxer, options, *more = CASES[case]
    path, err = encode(folder, encoders, muxer, *more[:1])
    if not path:
        return [f"ffmpeg cannot make the clip: {err}"]
    for edit in more[1:]:
        with open(path, "r+b") as file:
            data = edit(file.read())
            file.seek(0)
            file.write(data)
            file.truncate()
    result = os.path.join(folder, "out.mp4")
    with open(path, "rb") as source, open(result, "wb") as sink:
        done = subprocess.run([roundtrip, *options], stdin=source, stdout=sink, stderr=subprocess.PIPE)
    if done.returncode != 0:
        return [f"roundtrip fails: {done.stderr.decode()[-300:]}"]
    sound = frame_lengths(path), "frag_every_frame" in muxer
    problems = [*differences("ffprobe", demuxed(path), demuxed(result), *sound)]
    if muxer != WHOLE:  # ffmpeg lets a whole file begin behind its priming, a fragmented one before
        problems += [*differences("ffmpeg", packets(path), packets(result), *sound)]
    expected = shown(path)
    for stream in expected if "-n" in options else []:
        stream[0][0] = {"avc1": "avc3"}.get(stream[0][0], stream[0][0])  # without descriptions, frames bring their sets
    if shown(result) != expected:
        problems.append(f"is shown as {shown(result)} instead of {expected}")
    if "-n" not in options and "libsvtav1" not in encoders and records(path) != records(result):
        problems.append("a stream has another configuration")  # SVT's differs from that of its own frames
    if "frag_every_frame" not in muxer and muxer != WHOLE and has_sound(path):
        problems += sound_problems(path, result)
    if more[1:]:  # edited configurations say what the frames do not keep, so their decoders complain
        return problems
    _, _, words = call(["ffprobe", "-v", "error", "-show_packets", result])
    _, _, more = call(["ffmpeg", "-v", "error", "-i", result, "-f", "null", "-"])
    # ffmpeg's own muxer dates two packets of audio alike when each has a fragment; decoded, that is no news.
    more = "\n".join(line for line in more.splitlines() if "non monotonically increasing dts to muxer" not in line)
    return problems + [f"the output is read with: {text[:400]}" for text in (words, more) if text]


# name: (encoder, tag, how parameter sets are put into the frames)
CHANGES = {
    "a_late_viewer_gets_the_new_size_of_avc3": ("libx264", "avc3", ["-x264-params", "repeat-headers=1:keyint=15"]),
    "a_late_viewer_gets_the_new_size_of_avc1": ("libx264", "avc1", ["-x264-params", "repeat-headers=1:keyint=15"]),
    "a_late_viewer_gets_the_new_size_of_hev1": ("libx265", "hev1", ["-preset", "ultrafast", "-x265-params",
                                                                     "log-level=none:repeat-headers=1:keyint=15"]),
}


def check_change(folder, roundtrip, name):
    """A stream that changes its size in band: who comes before the change gets the old one, who comes after it the new one."""
    encoder, tag, options = CHANGES[name]
    raw, path, result = (os.path.join(folder, part) for part in ("raw", "in.mp4", "out.mp4"))
    form = "h264" if encoder == "libx264" else "hevc"
    with open(raw, "wb") as both:
        for size in ("320x180", "640x360"):
            status, out, err = call(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=30:d=1", "-pix_fmt", "yuv420p",
                                     "-c:v", encoder, *options, "-f", form, "-"])
            if status != 0:
                return [f"ffmpeg cannot make the clip: {err}"]
            both.write(out)
    plain, problems = raw + ".mp4", []
    for argv in (["-r", "30", "-f", form, "-i", raw, "-c", "copy", "-tag:v", tag, plain],
                 ["-i", plain, "-c", "copy", "-tag:v", tag, "-f", "mp4", "-movflags", CMAF, path]):
        call(["ffmpeg", "-y", "-v", "error", *argv])
    for group, expected in (("1", [320, 180]), ("4", [640, 360])):
        with open(path, "rb") as source, open(result, "wb") as sink:
            subprocess.run([roundtrip, "-j", group], stdin=source, stdout=sink, stderr=subprocess.DEVNULL, check=True)
        with open(result, "rb") as file:
            data = file.read()
        at, header = data.index(tag.encode()) + 4 + 24, data.index(b"tkhd") + 4 + 76
        found = [list(struct.unpack(">HH", data[at:at + 4])), [number >> 16 for number in struct.unpack(">II", data[header:header + 8])]]
        if found != [expected, expected]:
            problems.append(f"from group {group} on: {found} instead of {expected}")
        _, _, words = call(["ffmpeg", "-v", "error", "-i", result, "-vsync", "vfr", "-f", "null", "-"])
        if words and group == "4":
            problems.append(f"from group {group} on: {words[:300]}")
    return problems


# name: (encoders, sample entry of the export)
ALIGNED = ["-force_key_frames", "expr:gte(t,n_forced)", "-sc_threshold", "0"]
LADDERS = {
    "a_decoder_follows_renditions_of_h264": (["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", *ALIGNED], "avc3"),
    "a_decoder_follows_renditions_with_other_b_frames": (["-c:v", "libx264", "-preset", "veryfast", "-bf:v:0", "3", "-bf:v:1", "0",
                                                          "-bf:v:2", "1", *ALIGNED], "avc3"),
    "a_decoder_follows_renditions_with_other_profiles": (["-c:v", "libx264", "-preset", "veryfast", "-profile:v:0", "high", "-profile:v:1",
                                                          "main", "-profile:v:2", "baseline", "-bf", "0", *ALIGNED], "avc3"),
    "a_decoder_follows_renditions_of_h265": (["-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                                              "log-level=none:keyint=30:min-keyint=30:scenecut=0:open-gop=0"], "hev1"),
    "a_decoder_follows_renditions_of_vp9": (["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30",
                                             "-keyint_min", "30"], "vp09"),
    "a_decoder_follows_renditions_of_av1": (["-c:v", "libsvtav1", "-preset", "12", "-g", "30"], "av01"),
}


def check_ladder(folder, roundtrip, name):
    """The automatic track of three renditions, each for a group in turn: it decodes without a word, and no picture is missing."""
    encoders, tag = LADDERS[name]
    path, result = (os.path.join(folder, part) for part in ("in.mp4", "out.mp4"))
    split = "[0:v]split=3[a][b][c];[b]scale=320:180,setsar=1[mid];[c]scale=160:90,setsar=1[low]"
    maps = ["-map", "[a]", "-map", "[mid]", "-map", "[low]", "-map", "1:a"]
    status, _, err = call(["ffmpeg", "-y", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=6", "-f", "lavfi", "-i",
                           "sine=r=44100:d=6", "-filter_complex", split, *maps, *encoders, "-pix_fmt", "yuv420p", "-b:v:0", "800k",
                           "-b:v:1", "300k", "-b:v:2", "100k", *AAC, "-f", "mp4", "-movflags", CMAF, "-frag_duration", "1", path],
                          env=dict(os.environ, SVT_LOG="0"))
    if status != 0:
        return [f"ffmpeg cannot make the ladder: {err}"]
    with open(path, "rb") as source, open(result, "wb") as sink:
        done = subprocess.run([roundtrip, "-s", "1"], stdin=source, stdout=sink, stderr=subprocess.PIPE)
    if done.returncode != 0 or b"warning" in done.stderr:
        return [f"roundtrip fails: {done.stderr.decode()[-300:]}"]
    problems = [f"the sample entry is {shown(result)[0][0][0]}"] if shown(result)[0][0][0] != tag else []
    pictures = demuxed(result)[0]
    times = sorted(round(packet[0]) for packet in pictures)
    if len(times) != 180 or any(not 33332 <= later - time <= 33335 for time, later in zip(times, times[1:])):
        problems.append(f"{len(times)} pictures of 180, or they are not 1/30 s apart: {times[:9]} ...")
    if any(a[1] >= b[1] for a, b in zip(pictures, pictures[1:])) or any(packet[1] * 1.0 > packet[0] for packet in pictures):
        problems.append("decode times do not rise, or are after the pictures are shown")
    _, out, words = call(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=width", "-of", "json", result])
    widths = [frame["width"] for frame in json.loads(out)["frames"] if "width" in frame]
    if widths != [width for width in (160, 320, 640) for _ in range(30)] * 2:
        problems.append(f"{len(widths)} pictures of 180 decode, or the sizes are not those of the renditions in turn")
    _, _, more = call(["ffmpeg", "-v", "error", "-i", result, "-map", "0", "-f", "null", "-"])
    return problems + [f"the output is read with: {text[:400]}" for text in (words, more) if text]


def problems_of(roundtrip, case):
    with tempfile.TemporaryDirectory() as folder:
        return (check if case in CASES else check_change if case in CHANGES else check_ladder)(folder, roundtrip, case)


def main(roundtrip, names):
    failed = 0
    names = names or [*CASES, *CHANGES, *LADDERS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the work is ffmpeg's, which has processes of its own
        for case, problems in zip(names, pool.map(lambda case: problems_of(roundtrip, case), names)):
            print(("FAIL " if problems else "ok   ") + case + "".join(f"\n     {text}" for text in problems), flush=True)
            failed += bool(problems)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2:]) else 0)
