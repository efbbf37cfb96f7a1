# SPDX-License-Identifier: MIT OR Apache-2.0
"""Media is not changed: moq-karp subscribe writes exactly the packets that ffmpeg has published."""

import json
import signal

from moqkit import *


def through_the_relay(name, scheme="https", fragments=None):
    relay = Relay()
    source, result = as_fmp4(clip(name), fragments), scratch(f"{name}-{scheme}.mp4")
    viewer = waiting_subscriber(relay.url(f"/test/{name}", scheme), result)
    with open(source, "rb") as media:
        publisher = Process([program("moq-karp"), "--tls-disable-verify", "publish", relay.url(f"/test/{name}", scheme)], stdin=media)
    check_equal(publisher.wait(60), 0, f"exit status of publish ({publisher.err[-4:]})")
    check_equal(viewer.wait(30), 0, f"exit status of subscribe ({viewer.err[-4:]})")
    check_same_media(source, result)
    relay.stop()


def h264_with_b_frames_and_aac_is_unchanged():
    through_the_relay("h264")


def h265_and_opus_is_unchanged():
    through_the_relay("h265")


def vp9_and_opus_is_unchanged():
    through_the_relay("vp9")


def av1_is_unchanged():
    through_the_relay("av1")


def the_big_buck_bunny_clip_is_unchanged():
    through_the_relay("bbb")


def media_is_unchanged_over_raw_quic():
    through_the_relay("h264", "moqf")


def media_is_unchanged_with_a_pinned_fingerprint():
    through_the_relay("vp9", "http")


def times_before_zero_are_unchanged():
    """With edit lists and positive composition offsets, as muxers write them when not in CMAF mode. Audio begins before zero."""
    through_the_relay("h264", fragments=["-movflags", "frag_keyframe+delay_moov+separate_moof"])


def ffmpeg_publishes_in_real_time():
    """Runs the command in README, including ffmpeg."""
    sound = [time for time, *_ in packets(as_fmp4(clip("h264")))[1]]
    check(all(before < after for before, after in zip(sound, sound[1:])), f"the command gives two frames of sound one time: {sound[:8]}")
    relay = Relay()
    url, result = relay.url("/demo/live"), scratch("live.mp4")
    viewer = waiting_subscriber(url, result)
    publisher = Publisher(url, clip("h264"))
    check_equal(publisher.wait(), 0, f"exit status of publish ({publisher.karp.err[-4:]})")
    check_equal(viewer.wait(30), 0, f"exit status of subscribe ({viewer.err[-4:]})")
    check_same_media(as_fmp4(clip("h264")), result)
    relay.stop()


def shown(path):
    """How each stream is presented: its properties without its packets."""
    status, out, err = run(["ffprobe", "-v", "error", "-show_streams", "-show_data_hash", "sha256", "-of", "json", path])
    check_equal(status, 0, f"ffprobe: {err}")
    names = ("codec_name", "width", "height", "sample_aspect_ratio", "color_transfer", "channels", "channel_layout", "extradata_hash")
    return [[[stream.get(name) for name in names], stream.get("tags", {}).get("language"),
             [data.get("rotation") for data in stream.get("side_data_list", [])]] for stream in json.loads(out)["streams"]]


def rotation_pixels_colours_languages_and_six_channels_are_unchanged():
    relay = Relay()
    plain, source, result = scratch("phone.mp4"), scratch("phone.fmp4"), scratch("phone-out.mp4")
    tones = "|".join(f"0.1*sin({300 + 70 * i}*2*PI*t)" for i in range(6))
    for command in (["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=2", "-f", "lavfi", "-i", f"aevalsrc={tones}:c=5.1(side):s=48000:d=2",
                     "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", plain],
                    ["-i", plain, "-c", "copy", "-metadata:s:v", "rotate=90", "-aspect", "4:3", "-metadata:s:a", "language=deu",
                     "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv",
                     "-f", "mp4", "-movflags", "+write_colr+cmaf+separate_moof+delay_moov+skip_trailer", "-frag_duration", "1", source]):
        status, _, err = run(["ffmpeg", "-y", "-v", "error", *command], 60)
        check_equal(status, 0, f"ffmpeg: {err}")
    viewer = waiting_subscriber(relay.url("/phone"), result)
    with open(source, "rb") as media:
        publisher = Process([program("moq-karp"), "--tls-disable-verify", "publish", relay.url("/phone")], stdin=media)
    check_equal(publisher.wait(60), 0, f"exit status of publish ({publisher.err[-4:]})")
    check_equal(viewer.wait(30), 0, f"exit status of subscribe ({viewer.err[-4:]})")
    check_same_media(source, result)
    check_equal(shown(result), shown(source), "how streams are shown")
    check(abs(shown(source)[0][2][0]) == 90 and shown(source)[1][0][5] == 6, f"the source is not what it should be: {shown(source)}")
    relay.stop()


def a_group_that_breaks_off_is_told_and_the_status_says_it():
    relay = Relay()
    url, source, result = relay.url("/broken"), as_fmp4(clip("h264")), scratch("broken.mp4")
    with open(source, "rb") as media:
        data = media.read()
    viewer = waiting_subscriber(url, result, "--follow")
    command = [program("moq-karp"), "--tls-disable-verify", "publish", url]
    first = Process(command, stdin=subprocess.PIPE)
    first.popen.stdin.write(data[:len(data) // 3])
    first.popen.stdin.flush()
    wait_until(lambda: os.path.exists(result) and os.path.getsize(result) > len(data) // 6, 20, f"nothing is written: {viewer.err}")
    first.kill()
    with open(source, "rb") as media:
        second = Process(command, stdin=media)
    check_equal(second.wait(60), 0, f"exit status of publish ({second.err[-4:]})")
    wait_until(lambda: any("has ended" in line for line in viewer.err), 30, f"no end was seen: {viewer.err}")
    check_equal(viewer.end(signal.SIGINT), 4, f"exit status of subscribe ({viewer.err[-4:]})")
    check(any("that broke off" in line for line in viewer.err), f"it does not tell what is missing: {viewer.err}")
    relay.stop()


TESTS = [rotation_pixels_colours_languages_and_six_channels_are_unchanged, a_group_that_breaks_off_is_told_and_the_status_says_it,
         times_before_zero_are_unchanged, ffmpeg_publishes_in_real_time, h264_with_b_frames_and_aac_is_unchanged, h265_and_opus_is_unchanged, vp9_and_opus_is_unchanged, av1_is_unchanged,
         the_big_buck_bunny_clip_is_unchanged, media_is_unchanged_over_raw_quic, media_is_unchanged_with_a_pinned_fingerprint]
