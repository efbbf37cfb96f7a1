# SPDX-License-Identifier: MIT OR Apache-2.0
"""Inputs that users really have: several files in a row, tracks that cannot be carried, QuickTime."""

import re
import time

from moqkit import *

KARP = program("moq-karp")
GROUPS = ["-movflags", "frag_keyframe+empty_moov+default_base_moof"]


def published(relay, name, data):
    """Publishes bytes to a viewer that waits for them. Returns the publisher's status and messages, and the viewer's file."""
    result = scratch(f"{name}.mp4")
    viewer = subscriber(relay.url(f"/{name}"), result)
    viewer.wait_for("waiting for the broadcast")
    status, _, err = run([KARP, "--tls-disable-verify", "publish", relay.url(f"/{name}")], stdin=data)
    check_equal(viewer.wait(), 0, f"exit status of the viewer: {viewer.err}")
    return status, err, result


def made(name, *words):
    """Makes a file with three seconds of video and audio."""
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


def files_that_differ(*sizes):
    """Clips of these sizes, one after the other; and what is in each."""
    sources = [made(f"{size}.mp4", "-s", size, "-c:a", "aac", *FRAGMENTS) for size in sizes]
    data = b""
    for source in sources:
        with open(source, "rb") as file:
            data += file.read()
    return data, counts(sources[0])


def files_that_differ_are_one_instance_after_the_other():
    """However many of them are in the pipe at once."""
    relay = Relay()
    for sizes in (["320x180", "160x90"], ["320x180", "160x90", "80x60", "240x120"]):
        data, each = files_that_differ(*sizes)
        status, err, result = published(relay, f"differ-{len(sizes)}", data)
        check_equal(status, 0, err)
        check_equal(counts(result), {number: len(sizes) * count for number, count in each.items()}, f"packets of {len(sizes)} files")
    relay.stop()


def a_recording_tells_where_its_next_init_segment_begins():
    """Cut there, it plays: also with more tracks than before, where ffmpeg refuses the whole."""
    relay = Relay()
    result, url, data = scratch("parts.mp4"), relay.url("/parts"), b""
    sources = [made("still.mp4", "-an", *FRAGMENTS), made("sound.mp4", "-s", "160x90", "-c:a", "aac", *FRAGMENTS)]
    for source in sources:
        with open(source, "rb") as file:
            data += file.read()
    viewer = subscriber(url, result)
    viewer.wait_for("waiting for the broadcast")
    status, _, err = run([KARP, "--tls-disable-verify", "publish", url], stdin=data)
    check_equal([status, viewer.wait()], [0, 0], f"status of publish and subscribe: {err} {viewer.err}")
    told = [int(number) for number in re.findall(r"has an init segment of its own, at byte (\d+)", "".join(viewer.err))]
    check_equal(len(told), 1, f"init segments that were told: {viewer.err}")
    with open(result, "rb") as file:
        whole = file.read()
    for source, part in zip(sources, (whole[:told[0]], whole[told[0]:])):
        with open(result, "wb") as file:
            file.write(part)
        check_equal(counts(result), counts(source), f"packets of {source}")
        check_equal(run(["ffmpeg", "-v", "error", "-i", result, "-f", "null", "-"])[2], "", f"what ffmpeg says of {source}")
    relay.stop()


def a_viewer_tells_that_instances_passed_too_quickly():
    """A live publisher holds nothing back, so at most the first and the last of four instances can be had; and none when they have ended
    before the viewer's subscriptions arrive."""
    relay = Relay()
    result, url = scratch("passed.mp4"), relay.url("/passed")
    data, each = files_that_differ("320x180", "160x90", "80x60", "240x120")
    viewer = subscriber(url, result)
    viewer.wait_for("waiting for the broadcast")
    status, _, err = run([KARP, "--tls-disable-verify", "publish", url, "--live"], stdin=data)
    check_equal(status, 0, err)
    check("viewers may miss this one" in err, f"the publisher says nothing: {err}")
    status = viewer.wait()
    written = counts(result)[0] // each[0] if os.path.getsize(result) else 0
    check(written or any("before any of its media" in line for line in viewer.err), f"nothing is written, and nothing said: {viewer.err}")
    check_equal([status, written < 4], [4, True] if written < 4 else [0, False], f"status of the viewer with {written} files: {viewer.err}")
    relay.stop()


def a_file_that_waits_for_its_turn_waits_for_the_relay_too():
    """The relay is restarted while the second instance waits; nothing of it is left out."""
    relay = Relay.quick()
    path = scratch("turn.mp4")
    with open(path, "wb") as file:
        for size in ("320x180", "160x90"):  # small enough for the importer to take both in one slice
            source = scratch(f"turn-{size}.mp4")
            status, _, err = run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"color=size={size}:rate=5:duration=1",
                                  "-pix_fmt", "yuv420p", "-c:v", "libx264", *GROUPS, source])
            check_equal(status, 0, f"ffmpeg: {err}")
            with open(source, "rb") as part:
                file.write(part.read())
    with open(path, "rb") as file:
        publisher = Process([KARP, "--tls-disable-verify", "publish", relay.url("/turn"), "--no-pace"], stdin=file)
        publisher.wait_for("publishing")
        relay.end()
        relay = Relay(port=relay.port)
        check_equal(publisher.wait(60), 0, f"exit status of the publisher: {publisher.err}")
    check(not any("left out" in line for line in publisher.err), f"something is left out: {publisher.err}")
    relay.stop()


def each_file_that_differs_is_published_in_its_own_time():
    relay = Relay()
    url, path = relay.url("/times"), scratch("times.mp4")
    with open(path, "wb") as file:
        file.write(files_that_differ("320x180", "160x90")[0])
    with open(path, "rb") as file:
        publisher = Process([KARP, "--tls-disable-verify", "publish", url], stdin=file)
        wait_until(lambda: sum("publishing" in line for line in publisher.err) == 2, 30, f"no second instance: {publisher.err}")
        began = time.monotonic()
        check_equal(publisher.wait(30), 0, f"exit status of the publisher: {publisher.err}")
    check(time.monotonic() - began > 2.5, f"the second clip of 3 s took {time.monotonic() - began} s")
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
         a_recording_tells_where_its_next_init_segment_begins, a_viewer_tells_that_instances_passed_too_quickly,
         a_file_that_waits_for_its_turn_waits_for_the_relay_too, each_file_that_differs_is_published_in_its_own_time,
         what_cannot_be_carried_is_told_and_does_not_take_the_rest_along, quicktime_is_taken]
