# SPDX-License-Identifier: MIT OR Apache-2.0
"""Readers made of the Rust programs' own libraries (tests/interop/viewer) read the catalog of a page that publishes, and its media."""

from publishkit import *

KARPS = {"02": "0.12.1", "04": "0.13.0"}
SIZE = (640, 480)


class RustViewer(Process):
    """Prints a line per frame on standard error: its time, `key` if it begins a group else `frame`, its size."""

    def __init__(self, version, relay, path, *more):
        self.path = scratch(f"rust-{version}{path.replace('/', '-')}{''.join(more)}")
        with open(self.path, "wb") as file:
            super().__init__([viewer_of(version), "--tls-disable-verify", relay.url(path), *more], stdout=file)

    def frames(self):
        words = [line.split() for line in list(self.err)]
        return [(int(time), kind, int(size)) for time, kind, size in (line for line in words if len(line) == 3 and line[1] in ("key", "frame"))]


def viewer_of(version):
    path = os.path.join(CACHE, "cargo-target", "release", f"viewer-{version}")
    if not os.path.exists(path) or b"--audio" not in run([path, "--help"])[1]:
        raise Skipped("the Rust viewers are not built: tests/interop/run does that")
    return path


def read(page, version, relay, path, *more, count):
    """So many frames of a track, which are those that came out of the encoder."""
    viewer = RustViewer(version, relay, path, *more)
    wait_until(lambda: len(viewer.frames()) >= count or not viewer.is_running(), 30,
               f"moq-karp {KARPS[version]} has read only {len(viewer.frames())} frames: {viewer.err[-5:]}; {page.stats()}")
    check(viewer.is_running(), f"moq-karp {KARPS[version]} has ended: {viewer.err[-5:]}")
    viewer.kill()
    frames = viewer.frames()
    check_equal(frames[0][1], "key", f"the first frame of {path} {more}")
    times = [time for time, _, _ in frames]
    check(all(a < b for a, b in zip(times, times[1:])), f"times of {path} {more} do not rise: {times}")
    check(all(size > 2 for _, _, size in frames), f"there are empty frames: {frames}")
    return viewer.path, frames


def read_all(codec):
    for version in KARPS:
        viewer_of(version)
    relay = Relay()
    with Publishing(relay, f'source="camera" codec="{codec}"', size=SIZE) as page:
        page.wait_live()
        for version in KARPS:
            found = read(page, version, relay, ME, count=50)
            read(page, version, relay, ME, "--audio", count=100)
            yield found
    relay.stop()


def h264_and_opus_of_a_page_are_read():
    for path, frames in read_all("h264"):
        status, _, err = run(["ffmpeg", "-v", "error", "-xerror", "-f", "h264", "-i", path, "-f", "null", "-"])
        check_equal((status, err), (0, ""), f"decoding {len(frames)} pictures of {path}")


def begins_keyframes(path, frames, is_key):
    """What the library calls a keyframe is one, and nothing else is."""
    with open(path, "rb") as file:
        for _, kind, size in frames:
            payload = file.read(size)
            check_equal(is_key(payload), kind == "key", f"a frame of {size} bytes that begins with {payload[:16].hex()}")


def vp9_and_opus_of_a_page_are_read():
    for path, frames in read_all("vp9"):
        # frame_marker 2, profile 0, no show_existing_frame; frame_type 0 is a keyframe.
        begins_keyframes(path, frames, lambda payload: payload[0] & 0xFC == 0x80)


def av1_and_opus_of_a_page_are_read():
    for path, frames in read_all("av1"):
        # A sequence header (type 1), behind a temporal delimiter or not.
        begins_keyframes(path, frames, lambda payload: b"\x0a" in payload[:3:2])


TESTS = [h264_and_opus_of_a_page_are_read, vp9_and_opus_of_a_page_are_read, av1_and_opus_of_a_page_are_read]
