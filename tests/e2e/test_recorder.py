# SPDX-License-Identifier: MIT OR Apache-2.0
"""How recordings end when the broadcast ends, breaks off or is taken over, and when the relay dies."""

import os
import shutil
import signal
import subprocess
import time

from moqkit import *


def recording(relay, name, *more):
    """Returns a recorder of a live broadcast, its file, and the publisher, when media has begun to arrive."""
    url, result = relay.url("/" + name), scratch(name + ".mp4")
    viewer = subscriber(url, result, *more)
    publisher = Publisher(url, clip("h264"), "-stream_loop", "-1")
    wait_for_growth(viewer, result)
    return viewer, result, publisher


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def wait_for_growth(viewer, result):
    before = size(result)
    wait_until(lambda: size(result) > before + 50000, 40, f"{result} does not grow: {viewer.err[-5:]}")


def check_recording(viewer, result, words, *statuses):
    check(viewer.wait(40) in statuses, f"status of the recorder: {viewer.popen.returncode} instead of {statuses} ({viewer.err[-5:]})")
    check(any(words in line for line in viewer.err), f"{words!r} is not in {viewer.err[-5:]}")
    check_equal([len(list) > 5 for list in packets(result).values()], [True, True], "streams with packets in the file")


def a_recorder_tells_the_death_of_a_publisher_from_its_end():
    for name, is_killed in (("killed", True), ("ended", False)):
        relay = Relay.quick()
        viewer, result, publisher = recording(relay, name)
        if is_killed:
            publisher.kill()
            check_recording(viewer, result, "broke off", 3)
        else:
            check_equal(publisher.end(), 0, "status of publish")
            check_recording(viewer, result, "has ended", 0)
        relay.stop()


def a_recorder_is_told_when_the_input_of_the_publisher_breaks_off():
    """An encoder may be killed in the middle of a fragment. What came before that is still written."""
    relay = Relay()
    with open(as_fmp4(clip("h264")), "rb") as file:
        data = file.read()
    parts = data.split(b"moof")
    cut = data[:len(b"moof".join(parts[:150])) + 30]
    whole, result = scratch("before-the-break.mp4"), scratch("broken-off.mp4")
    with open(whole, "wb") as file:
        file.write(data[:len(b"moof".join(parts[:150])) - 4])
    viewer = waiting_subscriber(relay.url("/broken-off"), result)
    status, _, err = run([program("moq-karp"), "--tls-disable-verify", "publish", relay.url("/broken-off")], stdin=cut)
    check(status == 1 and "TrailingData" in err, f"{status} {err}")
    check_recording(viewer, result, "broke off", 3)
    check_equal({k: len(v) for k, v in packets(result).items()}, {k: len(v) for k, v in packets(whole).items()}, "packets")
    relay.stop()


def a_recorder_goes_on_where_it_lost_its_connection():
    """The instance is the same, because its relay still has it."""
    relay = Relay.quick()
    tunnel = Tunnel(relay)
    source, result = as_fmp4(clip("h264")), scratch("resumed.mp4")
    with open(source, "rb") as media:
        data = media.read()
    viewer = waiting_subscriber(f"https://127.0.0.1:{tunnel.port}/resumed", result)
    publisher = Process([program("moq-karp"), "--tls-disable-verify", "publish", relay.url("/resumed")], stdin=subprocess.PIPE)
    publisher.popen.stdin.write(data[:len(data) // 2])
    publisher.popen.stdin.flush()
    wait_until(lambda: size(result) > len(data) // 4, 20, f"nothing is written: {viewer.err[-5:]}")
    tunnel.largest = 0
    viewer.wait_for("lost")
    tunnel.largest = 65536
    wait_until(lambda: sum("watching instance" in line for line in viewer.err) == 2, 20, f"it was not found again: {viewer.err[-5:]}")
    publisher.popen.stdin.write(data[len(data) // 2:])
    wait_until(lambda: size(result) > len(data) // 4 * 3, 20, f"it does not go on: {viewer.err[-5:]}")
    publisher.popen.stdin.close()
    check_equal(publisher.wait(), 0, f"status of publish: {publisher.err[-5:]}")
    check_equal(viewer.wait(), 0, f"status of subscribe: {viewer.err[-5:]}")
    tunnel.end()
    check_same_media(source, result)
    relay.stop()


def a_recorder_outlives_its_relay():
    """The publisher comes back with another instance. The recording goes on with that, and ends when it ends."""
    relay = Relay.quick()
    viewer, result, publisher = recording(relay, "outlives")
    relay.kill()
    relay = Relay(port=relay.port)
    wait_until(lambda: sum("watching instance" in line for line in viewer.err) == 2, 60, f"it was not found again: {viewer.err[-5:]}")
    wait_for_growth(viewer, result)
    check_equal(publisher.end(), 4, f"status of publish: {publisher.karp.err[-5:]}")
    check(any("while the relay was away" in line for line in publisher.karp.err), f"it does not say what it left out: {publisher.karp.err[-5:]}")
    check_recording(viewer, result, "has ended", 0, 4)  # 4: of the first instance a group broke off
    relay.stop()


def a_recorder_does_not_wait_for_ever_for_what_was_lost_with_the_relay():
    relay = Relay.quick()
    viewer, result, publisher = recording(relay, "forgotten", "--patience", "200ms")
    publisher.kill()
    relay.kill()
    relay = Relay(port=relay.port)
    check_recording(viewer, result, "not come back", 3)
    relay.stop()


def a_recorder_that_fails_keeps_what_it_had_and_tells_what_is_missing():
    relay = Relay()
    viewer, result, publisher = recording(relay, "fails", "--no-reconnect")
    relay.stop()
    check_recording(viewer, result, "broke off", 1)
    publisher.kill()


def a_recorder_goes_over_to_a_newer_publisher():
    relay = Relay.quick()
    viewer, result, publisher = recording(relay, "taken-over")
    second = Publisher(relay.url("/taken-over"), clip("h264"), "-stream_loop", "-1")
    wait_until(lambda: sum("watching instance" in line for line in viewer.err) == 2, 20, f"it stays: {viewer.err[-5:]}")
    wait_for_growth(viewer, result)
    publisher.kill()
    wait_until(lambda: relay.stats()["sessions"] == 2, 25, "the killed publisher is still there")
    wait_for_growth(viewer, result)
    check_equal(second.end(), 0, "status of the newer publish")
    check_recording(viewer, result, "has ended", 0, 4)
    relay.stop()


def noise():
    """Makes a clip of one group that is larger than what a recorder keeps when its pipe is full."""
    source = scratch("noise.mp4")
    picture = "testsrc2=size=640x360:rate=30:duration=4,noise=alls=100:allf=t"
    status, _, err = run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", "-c:v", "libx264",
                          "-preset", "ultrafast", "-qp", "18", "-g", "1000", source], 300)
    check_equal(status, 0, f"ffmpeg: {err}")
    check(size(source) > 12 << 20, f"the clip has only {size(source)} bytes")
    return source


def recorder_into_full_pipe(relay, source):
    """Returns a recorder whose broadcast has ended although nothing has been read from its pipe, and the end to read from."""
    end, begin = os.pipe()
    viewer = Process([program("moq-karp"), "--tls-disable-verify", "subscribe", relay.url("/slow")], stdout=begin)
    os.close(begin)
    viewer.wait_for("waiting for the broadcast")
    check_equal(Publisher(relay.url("/slow"), source).wait(), 0, "status of publish")
    return viewer, end


def read_to_end(end, path):
    with open(end, "rb") as pipe, open(path, "wb") as file:
        shutil.copyfileobj(pipe, file)


def times_woken(process):
    try:
        with open(f"/proc/{process.popen.pid}/status") as status:
            return int(next(line.split()[1] for line in status if line.startswith("voluntary_ctxt_switches")))
    except (OSError, StopIteration):  # it has ended
        return 0


def a_reader_that_is_slow_gets_the_rest_after_the_end():
    relay = Relay()
    source, result = noise(), scratch("slow.mp4")
    viewer, end = recorder_into_full_pipe(relay, source)
    woken = times_woken(viewer)  # it looks at its clock 50 times a second
    wait_until(lambda: times_woken(viewer) >= woken + 150 or not viewer.is_running(), 30, "the recorder sleeps")
    read_to_end(end, result)
    check_equal(viewer.wait(), 0, f"status of subscribe: {viewer.err[-5:]}")
    check_same_media(source, result)
    relay.stop()


def a_recorder_is_stopped_while_its_reader_is_slow():
    relay = Relay()
    result = scratch("stopped.mp4")
    viewer, end = recorder_into_full_pipe(relay, noise())
    viewer.send(signal.SIGINT)
    read_to_end(end, result)
    check_equal(viewer.wait(), 0, f"status of subscribe: {viewer.err[-5:]}")
    check(size(result) > 1 << 20, f"only {size(result)} bytes came")
    relay.stop()


TESTS = [a_recorder_tells_the_death_of_a_publisher_from_its_end,
         a_recorder_is_told_when_the_input_of_the_publisher_breaks_off,
         a_recorder_goes_on_where_it_lost_its_connection, a_recorder_outlives_its_relay,
         a_recorder_does_not_wait_for_ever_for_what_was_lost_with_the_relay,
         a_recorder_that_fails_keeps_what_it_had_and_tells_what_is_missing, a_recorder_goes_over_to_a_newer_publisher,
         a_reader_that_is_slow_gets_the_rest_after_the_end, a_recorder_is_stopped_while_its_reader_is_slow]
