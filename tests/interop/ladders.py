# SPDX-License-Identifier: MIT OR Apache-2.0
"""Relays with scripts and ladders, and strangers on both sides: a viewer made of the Rust programs' own libraries (viewer/; they have
none themselves) that a script moves between renditions, their publisher, and their clocks."""

import glob
import os
import shutil
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(here), "e2e"))

from luakit import ScriptRelay
from moqkit import *
from test_ladder import one_file, publish
from test_switching import MOVES, sizes

TARGET = os.path.join(CACHE, "cargo-target")  # of dev/peers, which has built most of what the viewers need
KARPS = {"02": "0.12.1", "04": "0.13.0"}
SECONDS, GROUP_US, FRAME_US = 14, 1000000, 40000  # it ends between two moves


def viewers():
    """The arguments with which cargo builds each viewer, outside the tree. The versions are those that moq-karp is locked to."""
    home = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
    for version, karp in KARPS.items():
        name, folder = f"viewer-{version}", os.path.join(CACHE, f"viewer-{version}")
        shutil.copytree(os.path.join(here, "viewer"), folder, dirs_exist_ok=True)
        with open(os.path.join(folder, "Cargo.toml"), "r+") as file:
            text = file.read().replace("NAME", name).replace("KARP", karp)
            file.seek(0)
            file.truncate()
            file.write(text)
        for lock in glob.glob(os.path.join(home, "registry", "src", "*", f"moq-karp-{karp}", "Cargo.lock")):
            if not os.path.exists(os.path.join(folder, "Cargo.lock")):
                shutil.copy(lock, folder)
        features = ["--features", "v04"] if version == "04" else []
        yield ["--manifest-path", os.path.join(folder, "Cargo.toml"), *features]


class Viewer(Process):
    def __init__(self, version, relay, path):
        self.path = scratch(f"viewer-{version}.h264")
        with open(self.path, "wb") as file:
            super().__init__([os.path.join(TARGET, "release", f"viewer-{version}"), "--tls-disable-verify", relay.url(path)], stdout=file)
        self.wait_for("waiting")

    def frames(self):
        """The time of each, and whether it begins a group."""
        words = [line.split() for line in self.err]
        return [(int(word[0]), word[1] == "key") for word in words if len(word) == 3 and word[0].isdigit() and word[1] in ("key", "frame")]


def groups_of(frames):
    """The times of each group in order; they come in the order of decoding."""
    starts = [i for i, (_, is_key) in enumerate(frames) if is_key] + [len(frames)]
    return [sorted(time for time, _ in frames[start:end]) for start, end in zip(starts, starts[1:])]


def check_frames(viewer):
    """Their library leaves the end of a group when the next one arrives before it; nothing else may be missing."""
    frames = viewer.frames()
    check(frames and frames[0][1], f"no frames, or no keyframe at first: {viewer.err[-5:]}")
    groups = groups_of(frames)
    check_equal([group[0] for group in groups], [groups[0][0] + i * GROUP_US for i in range(len(groups))], "where groups begin")
    for group in groups:
        times = [group[0] + i * FRAME_US for i in range(GROUP_US // FRAME_US)]
        check(set(group) <= set(times) and len(set(group)) == len(group), f"times in a group: {group}")
    check(len(groups) >= SECONDS - 1 and len(frames) >= 0.8 * SECONDS * 25, f"only {len(frames)} frames of {len(groups)} groups came: {viewer.err[-5:]}")


def relay_that_moves():
    return ScriptRelay("moves", MOVES, modules=("ladder: { begin: highest }",))


def strangers_are_moved_and_see_one_stream():
    relay = relay_that_moves()
    watching = [Viewer(version, relay, "/show") for version in KARPS]
    publisher = publish(relay, "/show", [one_file(SECONDS)], "--auto", "--live", "--wait-viewer")
    check_equal(publisher.wait(60), 0, f"exit status of publish: {publisher.err[-5:]}")
    wait_until(lambda: relay.stats()["viewers"] <= len(watching), 20, "viewers of the media are not gone")  # of the catalog, they stay
    check(relay.stats()["switches_total"] >= 4 * len(watching) - 2, f"only {relay.stats()['switches_total']} moves")
    check_equal(relay.stats()["switches_failed_total"], 0, "moves that failed")
    for viewer in watching:
        viewer.wait(30)
        check_frames(viewer)
        check(len(sizes(viewer.path)) >= 3, f"sizes of pictures: {sizes(viewer.path)}")
        status, _, err = run(["ffmpeg", "-v", "error", "-xerror", "-i", viewer.path, "-f", "null", "-"], 60)
        check_equal((status, err), (0, ""), f"decoding {viewer.path}")
    relay.stop()


TESTS = [strangers_are_moved_and_see_one_stream]
