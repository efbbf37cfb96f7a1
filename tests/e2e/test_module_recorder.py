# SPDX-License-Identifier: MIT OR Apache-2.0
"""The recorder of the examples in a relay: its files are those that a viewer writes, and a bad disk harms nobody else."""

import glob
import os
import signal
import time

from moqkit import *
from wallkit import HOUR_S, WallClock

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIB = os.path.join(os.path.dirname(BIN), "lib")


def module():
    """recorder.so, linked with the archives that are installed."""
    archives = [os.path.join(LIB, f"libmoq_{name}.a") for name in ("karp", "base")]
    sources = sorted(glob.glob(os.path.join(TOP, "examples/module-recorder/*.c")))
    return compile_shared("recorder.so", sources, "-I", os.path.join(TOP, "server/include"), "-I", TOP, *archives, "-ljansson")


class Recorder(Relay):
    """A relay with the module. `folder` is where it writes."""

    def __init__(self, name, workers=1, env=None, **settings):
        self.folder, self.path, self.workers = scratch(name), scratch(name + ".yaml"), workers
        os.makedirs(self.folder, exist_ok=True)
        port = free_port()
        self.configure(port, **settings)
        if env:
            disk = compile_shared("slow_disk.so", [os.path.join(TOP, "tests/e2e/slow_disk.c")], "-fvisibility=default")
            env = dict(env, LD_PRELOAD=":".join([disk, *filter(None, [env.get("LD_PRELOAD")])]))
        super().__init__(port=port, argv=[program("moq-relay"), self.path], env=env)

    def configure(self, port, **settings):
        given = ", ".join(f"{key}: {value}" for key, value in dict(directory=self.folder, **settings).items())
        with open(self.path, "w") as file:
            file.write(f'listen:\n  - address: "[::]:{port}"\n    self_signed: [localhost]\nhttp: {{ address: listen }}\n'
                       f"workers: {self.workers}\nmodules:\n  - {module()}: {{ {given} }}\n")

    def reload(self, **settings):
        self.configure(self.port, **settings)
        self.send(signal.SIGHUP)
        self.wait_for("reloaded: ")

    def files(self):
        return sorted(glob.glob(os.path.join(self.folder, "*.mp4")))

    def count(self, name):
        return self.stats()["modules"]["recorder"][name]

    def wait_for_file(self, number, size=0):
        """The path of the file with that number, once it has more bytes than `size`."""
        wait_until(lambda: len(self.files()) > number and os.path.getsize(self.files()[number]) > size, 20,
                   f"no file {number} of {size} bytes: {self.files()} {self.err[-5:]}")
        return self.files()[number]

    def lines(self, words):
        return [line for line in self.err if words in line]


def check_plays(path):
    """It plays, and consists of whole boxes."""
    with open(path, "rb") as file:
        data, at = file.read(), 0
    while at < len(data):
        at += int.from_bytes(data[at:at + 4], "big") or len(data)
    check_equal(at, len(data), f"where the last box of {path} ends")
    check_equal([len(list) > 5 for list in packets(path).values()], [True, True], f"streams with packets in {path}")


def looping(relay, path):
    return Publisher(relay.url(path), clip("short"), "-stream_loop", "-1")


def a_recording_is_what_a_viewer_writes():
    for workers, path, name in ((1, "/demo/clip", "demo-clip-"), (4, "/demo/..{2f}{20}b", "demo-..-2f20-b-")):
        relay = Recorder(f"same-{workers}", workers)
        result = scratch(f"same-{workers}.mp4")
        viewer = waiting_subscriber(relay.url(path), result)
        publisher = Publisher(relay.url(path), clip("h264"))
        check_equal((publisher.wait(), viewer.wait()), (0, 0), "status of publish and subscribe")
        relay.wait_for(" bytes")
        check_equal([os.path.basename(file).startswith(name) for file in relay.files()], [True], f"names of {relay.files()}")
        check_same_media(as_fmp4(clip("h264")), relay.files()[0])
        with open(result, "rb") as ours, open(relay.files()[0], "rb") as theirs:
            check(ours.read() == theirs.read(), "the module's file is not that of the viewer")
        check_equal((relay.count("recordings"), relay.count("bytes"), relay.count("groups_skipped")),
                    (1, os.path.getsize(result), 0), "counters")
        relay.stop()


def a_newer_instance_has_a_file_of_its_own():
    relay = Recorder("newer", 4, latency="1s")
    first = looping(relay, "/demo/clip")
    relay.wait_for_file(0, 30000)
    second = looping(relay, "/demo/clip")
    relay.wait_for_file(1, 30000)
    first.kill()
    check_equal(second.end(), 0, "status of the second publisher")
    wait_until(lambda: len(relay.lines(" bytes")) == 2, 20, f"two files end: {relay.err[-8:]}")
    for file in relay.files():
        check_plays(file)
    relay.stop()


def a_disk_that_stalls_costs_groups_and_harms_no_viewer():
    hold = scratch("hold")
    relay = Recorder("stalled", 1, env={"SLOW_DISK_HOLD": hold}, buffer="64KiB", latency="500ms")
    result = scratch("beside-stalled.mp4")
    viewer = waiting_subscriber(relay.url("/demo/clip"), result)
    publisher = Publisher(relay.url("/demo/clip"), clip("short"), "-stream_loop", "3")
    relay.wait_for_file(0, 30000)
    open(hold, "w").close()
    before = os.path.getsize(relay.files()[0])
    time.sleep(6)
    check_equal(os.path.getsize(relay.files()[0]) - before <= 65536, True, "bytes that a disk takes while it stalls")
    os.remove(hold)
    check_equal((publisher.wait(), viewer.wait()), (0, 0), "status of publish and subscribe")
    relay.wait_for(" bytes")
    check(relay.count("groups_skipped") > 5, f"groups are skipped: {relay.stats()['modules']}")
    check_plays(relay.files()[0])
    whole, cut = packets(result), packets(relay.files()[0])
    check(len(whole[0]) > len(cut[0]) + 30, f"pictures are missing: {len(cut[0])} of {len(whole[0])}")
    check(set(md5 for _, _, md5 in cut[0]) <= set(md5 for _, _, md5 in whole[0]), "what is there is whole")
    relay.stop()


def a_relay_ends_although_the_disk_stalls():
    """Nor does it wait longer where the wall clock is set."""
    hold, wall = scratch("hold-at-the-end"), WallClock()
    relay = Recorder("stalled-end", 1, env={"SLOW_DISK_HOLD": hold, **wall.env})
    publishers = [looping(relay, f"/demo/{number}") for number in range(3)]
    for number in range(3):
        relay.wait_for_file(number, 30000)
    open(hold, "w").close()
    time.sleep(1)
    wall.set_ahead(HOUR_S)
    begun = time.monotonic()
    relay.stop()
    check(time.monotonic() - begun < 3 * 3, "a relay waits 3 s for all files together, not for each of them")
    check_equal(len(relay.lines("error module: recorder")), 3, f"lines of error: {relay.err[-5:]}")
    for publisher in publishers:
        publisher.kill()


def a_full_disk_is_told_once_and_ends_the_recording_alone():
    relay = Recorder("full", 1, env={"SLOW_DISK_FULL": "100000"})
    result = scratch("beside-full.mp4")
    viewer = waiting_subscriber(relay.url("/demo/clip"), result)
    publisher = Publisher(relay.url("/demo/clip"), clip("short"))
    check_equal((publisher.wait(), viewer.wait()), (0, 0), "status of publish and subscribe")
    check_same_media(as_fmp4(clip("short")), result)
    check_equal(len(relay.lines("error module: recorder")), 1, f"lines of error: {relay.err[-5:]}")
    check("No space left on device" in relay.lines("error module: recorder")[0], "why")
    with open(relay.files()[0], "rb") as ours, open(result, "rb") as theirs:
        check_equal(theirs.read().startswith(ours.read()), True, "what fitted is the beginning")
    check_plays(relay.files()[0])
    again = Publisher(relay.url("/demo/clip"), clip("short"))
    relay.wait_for_file(1, 30000)
    again.end()
    relay.stop()


def a_relay_that_ends_or_dies_leaves_files_that_play():
    for name, code in (("terminated", signal.SIGTERM), ("killed", signal.SIGKILL)):
        relay = Recorder(name)
        publisher = looping(relay, "/demo/clip")
        file = relay.wait_for_file(0, 60000)
        relay.send(code)
        relay.wait()
        check_plays(file)
        publisher.kill()


def what_is_recorded_follows_the_configuration():
    relay = Recorder("chosen", 1, prefixes="[demo, more]", recordings=1)
    others = looping(relay, "/other/clip")
    first = looping(relay, "/demo/first")
    relay.wait_for_file(0, 30000)
    second = looping(relay, "/more/second")
    relay.wait_for("more/second is not recorded")
    check_equal(len(relay.files()), 1, f"files: {relay.files()}")
    first.kill()
    relay.wait_for("more/second, instance")
    relay.wait_for_file(1, 30000)
    relay.reload(prefixes="[other]", recordings=2)
    relay.wait_for("other/clip, instance")
    wait_until(lambda: len(relay.lines(" bytes")) == 2, 20, f"what is not wanted any more ends: {relay.err[-5:]}")
    check_equal([os.path.basename(file).split("-")[0] for file in relay.files()], ["demo", "more", "other"], "files")
    relay.wait_for_file(2, 30000)
    others.kill()
    second.kill()
    relay.stop()
    for file in relay.files():
        check_plays(file)


TESTS = [
    a_recording_is_what_a_viewer_writes,
    a_newer_instance_has_a_file_of_its_own,
    a_disk_that_stalls_costs_groups_and_harms_no_viewer,
    a_relay_ends_although_the_disk_stalls,
    a_full_disk_is_told_once_and_ends_the_recording_alone,
    a_relay_that_ends_or_dies_leaves_files_that_play,
    what_is_recorded_follows_the_configuration,
]

if __name__ == "__main__":
    main(TESTS)
