# SPDX-License-Identifier: MIT OR Apache-2.0
"""Inputs as people have them: files one after the other, tracks that cannot be carried, QuickTime."""

from moqkit import *

KARP = program("moq-karp")
GROUPS = ["-movflags", "frag_keyframe+empty_moov+default_base_moof"]


def published(relay, name, data):
    """Publishes bytes to a viewer who waits for them. Returns the publisher's status and messages, and the viewer's file."""
    result = scratch(f"{name}.mp4")
    viewer = subscriber(relay.url(f"/{name}"), result)
    viewer.wait_for("waiting for the broadcast")
    status, _, err = run([KARP, "--tls-disable-verify", "publish", relay.url(f"/{name}")], stdin=data)
    check_equal(viewer.wait(), 0, f"exit status of the viewer: {viewer.err}")
    return status, err, result


def made(name, *words):
    """A file that ffmpeg makes of three seconds of picture and sound."""
    path = scratch(name)
    status, _, err = run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=3", "-f", "lavfi",
                          "-i", "sine=sample_rate=48000:duration=3", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-g", "25", *words, path])
    check_equal(status, 0, f"ffmpeg: {err}")
    return path


def counts(path):
    return {number: len(list) for number, list in packets(path).items()}


def files_that_follow_each_other_are_one_broadcast():
    relay = Relay()
    for name, words in {"fragments": FRAGMENTS, "groups": GROUPS, "whole": ["-movflags", "faststart"],
                        "absolute": ["-movflags", "frag_keyframe"]}.items():
        source = made(f"{name}-source.mp4", "-c:a", "aac", *words)
        with open(source, "rb") as file:
            status, err, result = published(relay, name, 3 * file.read())
        check_equal(status, 0, f"{name}: {err}")
        check_equal(counts(result), {number: 3 * count for number, count in counts(source).items()}, f"packets of {name}")
        check("times start again" in err, f"{name}: nothing is said about it: {err}")
        for number, list in packets(result).items():
            shown = sorted(packet[0] for packet in list)
            steps = [b - a for a, b in zip(shown, shown[1:])]
            check(max(steps) < 200000 and shown[-1] - shown[0] > 8800000, f"{name}: stream {number} has a gap: {max(steps)}")
    relay.stop()


def files_that_differ_are_one_instance_after_the_other():
    relay = Relay()
    sources = [made(f"{size}.mp4", "-s", size, "-c:a", "aac", *FRAGMENTS) for size in ("320x180", "160x90")]
    data = b""
    for source in sources:
        with open(source, "rb") as file:
            data += file.read()
    status, err, result = published(relay, "differ", data)
    check_equal(status, 0, err)
    check_equal(counts(result), {number: 2 * count for number, count in counts(sources[0]).items()}, "packets")
    relay.stop()


def what_cannot_be_carried_is_told_and_does_not_take_the_rest_along():
    relay = Relay()
    source = made("ac3-source.mp4", "-c:a", "ac3", "-movflags", "frag_keyframe+delay_moov")
    with open(source, "rb") as file:
        status, err, result = published(relay, "ac3", file.read())
    check_equal(status, 4, err)
    left_out = f"left out: {counts(source)[1]} samples of tracks that cannot be carried"
    check("UnsupportedCodec(ac-3): AC-3" in err and left_out in err, err)
    check_equal(counts(result), {0: counts(source)[0]}, "packets")
    relay.stop()


def quicktime_is_taken():
    relay = Relay()
    source = made("quicktime.mov", "-c:a", "aac", "-f", "mov", *GROUPS)
    with open(source, "rb") as file:
        status, err, result = published(relay, "quicktime", file.read())
    check_equal(status, 0, err)
    check_equal(counts(result), counts(source), "packets")
    relay.stop()


TESTS = [files_that_follow_each_other_are_one_broadcast, files_that_differ_are_one_instance_after_the_other,
         what_cannot_be_carried_is_told_and_does_not_take_the_rest_along,
         quicktime_is_taken]
