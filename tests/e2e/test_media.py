# SPDX-License-Identifier: MIT OR Apache-2.0
"""Media is unchanged: what goes in through ffmpeg comes out of moq-karp subscribe packet by packet."""

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
    """Edit lists and positive offsets, as muxers other than CMAF's write them: the first sound begins before zero."""
    through_the_relay("h264", fragments=["-movflags", "frag_keyframe+delay_moov+separate_moof"])


def ffmpeg_publishes_in_real_time():
    """The command of README, ffmpeg and all."""
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


TESTS = [times_before_zero_are_unchanged, ffmpeg_publishes_in_real_time, h264_with_b_frames_and_aac_is_unchanged, h265_and_opus_is_unchanged, vp9_and_opus_is_unchanged, av1_is_unchanged,
         the_big_buck_bunny_clip_is_unchanged, media_is_unchanged_over_raw_quic, media_is_unchanged_with_a_pinned_fingerprint]
