# SPDX-License-Identifier: MIT OR Apache-2.0
"""moq-clock, moq-karp and the examples as users run them: words in any order, exit codes, pipes, signals."""

import fcntl
import http.server
import json
import re
import signal
import struct
import subprocess
import termios
import threading

from moqkit import *

KARP, CLOCK = program("moq-karp"), program("moq-clock")


def fragmented(name):
    """Returns the path of the clip as a fragmented file, and its bytes."""
    path = as_fmp4(clip(name))
    with open(path, "rb") as file:
        return path, file.read()


def payloads(path):
    """Like packets(), but without times."""
    return {number: [packet[1:] for packet in list] for number, list in packets(path).items()}


def check_whole(path, source):
    check_equal({k: len(v) for k, v in payloads(path).items()}, {k: len(v) for k, v in payloads(source).items()}, "packets")
    check(len(payloads(source)) > 0, f"{source} has no packets")
    check(payloads(path) == payloads(source), f"{path} has other packets than {source}")


def help_and_version_are_data_and_mistakes_are_not():
    for name in (KARP, CLOCK):
        status, out, err = run([name, "--help"])
        check(status == 0 and b"Exit codes" in out and b"Examples" in out and err == "", f"{status} {out} {err}")
        status, out, err = run([name, "--version"])
        check(status == 0 and re.fullmatch(rb"moq-\w+ \d+\.\d+\.\d+\n", out) and err == "", f"{status} {out} {err}")
        for wrong in ([], ["--nonsense"], ["-v", "-q", "https://localhost/a", "publish"], ["publish", "moqt://localhost/a"],
                      ["publish", "https://localhost:0/a"], ["publish", "https://localhost/a", "too", "many"]):
            status, out, err = run([name, *wrong], stdin=b"")
            check(status == 2 and out == b"" and len(err.splitlines()) == 1, f"{wrong}: {status} {out} {err}")


def help_that_is_lost_is_an_error():
    """A full disk under `--help > help.txt`."""
    for name in (KARP, CLOCK, program("moq-bench"), program("moq-token")):
        for flag in ("--help", "--version"):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([name, flag], stdout=full, stderr=subprocess.PIPE, timeout=60)
            check(done.returncode == 1 and b"standard output: No space left on device" in done.stderr, f"{name} {flag}: {done}")


def wrong_words_are_named():
    """The error comes before any connection, whatever listens on the port in the URL."""
    url = "https://localhost:9"
    for wrong, word in ((f"publish {url}/", "names no broadcast"), (f"subscribe {url}", "names no broadcast"),
                        (f"info {url}/?token=x", "names no broadcast"), (f"info {url}/{{}}", "names no broadcast"), (f"play {url}/a", "play: no such command"),
                        (f"{url}/a play", "play: no such command"), (f"{url}/a", "a command is missing"), ("", "a command is missing"),
                        (f"publish {url}/a info", "contradict"), (f"publish {url}/a more", "too many arguments: more"),
                        (f"publish {url}/{'a/' * 30}a", "more than 30 parts or 988 bytes"),
                        (f"subscribe {url}/{'a' * 989}", "more than 30 parts or 988 bytes"),
                        (f"info {url}/{'a/' * 31}a", "more than 30 parts or 988 bytes"),
                        ("publish localhost", "https://host[:port]/path"), ("publish", "the URL of a relay is missing")):
        status, out, err = run([KARP, *wrong.split()], stdin=b"")
        check(status == 2 and out == b"" and word in err and len(err.splitlines()) == 1, f"{wrong}: {status} {out} {err}")


def a_clock_is_published_or_watched_not_both():
    url = "https://localhost:9"
    for wrong, word in ((f"--publish subscribe {url}", "publish and subscribe contradict each other"),
                        (f"publish {url} subscribe", "publish and subscribe contradict each other"),
                        (f"{url} subscribe publish", "publish and subscribe contradict each other"),
                        (f"publish {url} more", "too many arguments: more")):
        status, out, err = run([CLOCK, "--no-reconnect", "--timeout", "1ms", *wrong.split()], stdin=b"")
        check(status == 2 and out == b"" and word in err and len(err.splitlines()) == 1, f"{wrong}: {status} {out} {err}")


def options_that_cannot_work_are_mistakes():
    """The error goes to standard error at any log level, before any connection."""
    for wrong, word in (("publish --priority speech=3", "--priority speech=3"), ("publish --priority audio=200", "-128 to 127"),
                        ("publish --priority video=", "--priority video="), ("publish --pace --no-pace", "contradict"),
                        ("subscribe --pace", "for publish"), ("publish --follow", "for subscribe"), ("connect --json", "for info"),
                        ("connect --timeout 0", "--timeout"), ("connect --tls-root /nowhere", "No such file"),
                        ("connect --transport-version 09", "02, 03 or 04"),
                        ("connect --bind foo", "such as [::]:0"), ("connect --bind ::1", "such as [::]:0"),
                        ("connect --bind 127.0.0.1", "such as [::]:0"), ("connect --bind [::]:65536", "such as [::]:0")):
        status, out, err = run([KARP, "-qq", "https://localhost:9/a", *wrong.split()], stdin=b"")
        check(status == 2 and out == b"" and word in err and len(err.splitlines()) == 1, f"{wrong}: {status} {out} {err}")


def connect_succeeds_or_says_why_not():
    relay = Relay()
    for words in (["connect", relay.url("/a")], [relay.url("/a"), "connect"], ["connect", relay.url("/a", "moqf")]):
        check_equal(run([KARP, "--tls-disable-verify", *words])[0], 0, f"exit status of {words}")
    check_equal(run([KARP, "connect", relay.url("/a", "http")])[0], 0, "exit status with a fetched fingerprint")
    status, out, err = run([KARP, "connect", relay.url("/a")])
    check(status == 1 and out == b"" and "--tls-disable-verify" in err, f"{status} {err}")
    relay.stop()
    status, out, err = run([KARP, "--tls-disable-verify", "--timeout", "300ms", "connect", relay.url("/a")])
    check(status == 1 and out == b"" and "timed out" in err and f"UDP port {relay.port}" in err, f"{status} {err}")
    status, out, err = run([KARP, "connect", relay.url("/a", "http")])
    words = ("GET /fingerprint: connection refused", f"TCP port {relay.port}", "http.address", "https://")
    check(status == 1 and out == b"" and all(word in err for word in words), f"{status} {err}")
    status, _, err = run([KARP, "--bind", "[::1]:0", "connect", "https://127.0.0.1:9/a"])
    check(status == 1 and "no IPv6 address" in err and "bind [::]:0" in err, f"{status} {err}")


def a_server_that_is_no_relay_is_told():
    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever).start()
        status, _, err = run([KARP, "connect", f"http://127.0.0.1:{server.server_address[1]}/a"])
        server.shutdown()
    check(status == 1 and "status 404" in err and "http.fingerprint" in err and "https://" in err, f"{status} {err}")


def too_few_descriptors_are_said_so():
    for name in ("moq-karp", "moq-clock", "moq-bench"):
        for limit in (5, 8, 12):
            words = "publish https://localhost:9/a" if name == "moq-karp" else "https://localhost:9/a"
            status, out, err = run(["sh", "-c", f"ulimit -n {limit}; exec {program(name)} {words}"], stdin=b"")
            check(status == 1 and out == b"" and "ulimit -n" in err and len(err.splitlines()) == 1, f"{name} {limit}: {status} {err}")


def threads_of_a_bench_need_descriptors_too():
    """With fewer than it needs, moq-bench says so and does not crash; with enough it measures."""
    relay = Relay()

    def bench(limit):
        words = f"--threads 8 --viewers 16 --warm-up 0 --duration 200ms {relay.url('/a', 'http')}"
        return run(["sh", "-c", f"ulimit -n {limit}; exec {program('moq-bench')} {words}"])

    err = bench(20)[2]
    needed = int(re.search(r"it needs (\d+) more", err).group(1))
    for limit in (24, 30, 40, needed):
        status, out, err = bench(limit)
        check(status == 1 and out == b"" and "ulimit -n" in err and len(err.splitlines()) == 1, f"{limit}: {status} {err}")
    status, _, err = bench(needed + 8)
    check(status in (0, 3) and "ulimit" not in err, f"{status} {err}")
    relay.stop()


def every_version_can_be_asked_for():
    relay = Relay()
    for version in ("02", "03", "04"):
        status, _, err = run([KARP, "--tls-disable-verify", "--transport-version", version, "connect", relay.url("/a")])
        check_equal(status, 0, f"version {version}: {err}")
    relay.stop()


def the_clock_ticks_from_publisher_to_viewer():
    relay = Relay()
    viewer = Process([CLOCK, relay.url(scheme="http"), "--path", "room", "--path", "clock"])
    publisher = Process([CLOCK, "--tls-disable-verify", "--path", "room", relay.url("/ignored"), "--path", "clock", "--publish"])
    wait_until(lambda: len(viewer.out) >= 3, 15, f"three seconds were not printed: {viewer.out} {viewer.err}")
    for line in viewer.out:
        check(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line), f"this is no time: {line!r}")
    seconds = [int(line[-2:]) for line in viewer.out]
    check(all((b - a) % 60 == 1 for a, b in zip(seconds, seconds[1:])), f"seconds are missing: {viewer.out}")
    check_equal(publisher.end(signal.SIGINT), 0, "exit status of the publisher")
    viewer.wait_for("waiting for another")
    again = Process([CLOCK, "--tls-disable-verify", "publish", relay.url(), "--path", "room", "--path", "clock"])
    count = len(viewer.out)
    wait_until(lambda: len(viewer.out) > count, 15, "the clock that came back was not found")
    again.end()
    check_equal(viewer.end(signal.SIGTERM), 0, "exit status of the viewer")
    relay.stop()


def a_pipe_that_is_faster_than_time_loses_nothing():
    relay = Relay()
    path, data = fragmented("bbb")
    result = scratch("fast.mp4")
    viewer = waiting_subscriber(relay.url("/fast"), result)
    status, _, err = run([KARP, "--tls-disable-verify", "publish", relay.url("/fast")], stdin=data)
    check_equal(status, 0, err)
    check_equal(viewer.wait(), 0, "exit status of the viewer")
    check_whole(result, path)
    relay.stop()


def a_publisher_can_wait_for_its_viewer():
    """It waits with everything that it has read: it knows its tracks only after the first fragment, in which several groups
    begin."""
    relay = Relay()
    path = as_fmp4(clip("short"), ["-movflags", "cmaf+separate_moof+delay_moov+skip_trailer", "-frag_duration", "1000000"])
    with open(path, "rb") as file:
        publisher = Process([KARP, "--tls-disable-verify", "publish", relay.url("/wait", "moqf"), "--wait-viewer", "--no-pace"],
                            stdin=file)
        publisher.wait_for("publishing")
    # A publisher that did not wait would have ended by now.
    check_equal(run([KARP, "--tls-disable-verify", "connect", relay.url("/")])[0], 0, "status of connect")
    check(publisher.is_running(), f"it did not wait: {publisher.err}")
    result = scratch("waited.mp4")
    viewer = subscriber(relay.url("/wait"), result)
    check_equal(viewer.wait(), 0, f"exit status of the viewer: {viewer.err}")
    check_equal(publisher.wait(), 0, f"exit status of the publisher: {publisher.err}")
    check_whole(result, path)
    relay.stop()


class Pipe:
    """moq-karp publish with a pipe as its input, which the test writes to and closes."""

    def __init__(self, url, *more):
        self.process = Process([KARP, "--tls-disable-verify", "publish", url, *more], stdin=subprocess.PIPE)
        self.pipe = self.process.popen.stdin

    def write(self, data):
        """Writes, and waits until the publisher has read all of it."""
        self.pipe.write(data)
        self.pipe.flush()
        wait_until(lambda: unread(self.pipe) == 0, 20, f"the input is not read: {self.process.err}")

    def end(self):
        self.pipe.close()
        return self.process.wait()


def unread(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def first_keyframes(path):
    """The indices of the video packets with which groups begin."""
    status, out, err = run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=flags", "-of", "csv=p=0", path])
    check_equal(status, 0, err)
    return [number for number, flags in enumerate(out.decode().split()) if flags.startswith("K")]


def whoever_comes_late_begins_at_the_newest_group():
    """This also holds for the first viewer of a broadcast, although its publisher still has everything. Its arrival makes the
    relay subscribe to the publisher."""
    path, data = fragmented("h264")
    whole = payloads(path)
    newest = first_keyframes(path)[-1]
    for version in ("02", "03", "04"):
        relay = Relay()
        publisher = Pipe(relay.url("/late"))
        publisher.write(data)
        results = [scratch(f"late-{version}-{number}.mp4") for number in range(2)]
        for number, result in enumerate(results):
            viewer = subscriber(relay.url("/late"), result, "--transport-version", version)
            viewer.wait_for("watching instance")
            wait_until(lambda: relay.stats()["viewers"] == 3 * (number + 1), 15, f"it does not watch: {viewer.err}")
        check_equal(publisher.end(), 0, f"status of publish ({publisher.process.err})")
        for result in results:
            wait_until(lambda: os.path.exists(result) and len(payloads(result).get(0, [])) == len(whole[0]) - newest, 20,
                       f"not the {len(whole[0]) - newest} packets since the last keyframe are in {result}")
            check_equal(payloads(result)[0], whole[0][newest:], "the pictures since the last keyframe")
        relay.stop()


def whoever_asks_for_it_begins_at_the_oldest_group():
    relay = Relay()
    path, data = fragmented("h264")
    publisher = Pipe(relay.url("/all"))
    publisher.write(data)
    result = scratch("from-start.mp4")
    viewer = subscriber(relay.url("/all"), result, "--from-start")
    wait_until(lambda: relay.stats()["viewers"] == 3, 15, f"it does not watch: {viewer.err}")
    check_equal(publisher.end(), 0, f"status of publish ({publisher.process.err})")
    check_equal(viewer.wait(), 0, f"status of subscribe ({viewer.err})")
    check_whole(result, path)
    relay.stop()


def what_never_had_a_catalog_is_never_announced():
    """Viewers go on waiting, and get the broadcast that is published later."""
    relay = Relay()
    path, data = fragmented("h264")
    result = scratch("at-last.mp4")
    viewer = waiting_subscriber(relay.url("/patient"), result)
    for broken in (b"", b"no media at all, just words", data[:600]):
        publisher = Pipe(relay.url("/patient"))
        publisher.write(broken)
        check(publisher.end() == 1 and any("error" in line for line in publisher.process.err), f"{publisher.process.err}")
        check(not any("publishing" in line for line in publisher.process.err), f"it was announced: {publisher.process.err}")
    silent = Pipe(relay.url("/patient"))
    wait_until(lambda: relay.stats()["sessions"] == 2, 15, "it does not connect")
    check_equal(silent.end(), 1, f"status of publish without input ({silent.process.err})")
    check(viewer.is_running() and not any("instance" in line for line in viewer.err), f"it was fooled: {viewer.err}")
    status, _, err = run([KARP, "--tls-disable-verify", "publish", relay.url("/patient")], stdin=data)
    check_equal(status, 0, err)
    check_equal(viewer.wait(), 0, f"status of subscribe ({viewer.err})")
    check_equal(sum("watching instance" in line for line in viewer.err), 1, f"instances in {viewer.err}")
    check_whole(result, path)
    relay.stop()


def a_file_is_published_in_its_own_time():
    relay = Relay()
    path, _ = fragmented("bbb")
    began = time.monotonic()
    with open(path, "rb") as file:
        publisher = Process([KARP, "--tls-disable-verify", relay.url("/paced"), "publish"], stdin=file)
        publisher.wait_for("publishing")
        status, out, err = run([KARP, "--tls-disable-verify", "info", "--json", "--duration", "1s", relay.url("/paced")])
        check_equal(status, 0, err)
        answer = json.loads(out)
        check_equal(len(answer["tracks"]), 2, f"tracks in {answer}")
        check(answer["catalog"]["video"][0]["codec"].startswith("avc1."), f"codec in {answer}")
        check(all(track["frames"] > 0 for track in answer["tracks"]), f"no frames: {answer['tracks']}")
        check_equal(publisher.wait(30), 0, f"exit status of the publisher: {publisher.err}")
    check(time.monotonic() - began > 4.5, f"a clip of 5.3 s took {time.monotonic() - began} s")
    relay.stop()


def info_names_the_instance_that_ended_while_it_watched():
    relay = Relay()
    path, _ = fragmented("h264")
    for form in ([], ["--json"]):
        with open(path, "rb") as file:
            publisher = Process([KARP, "--tls-disable-verify", "publish", "--no-pace", "--wait-viewer", "--linger", "0",
                                 relay.url("/short")], stdin=file)
            publisher.wait_for("publishing")
            status, out, err = run([KARP, "--tls-disable-verify", "info", *form, "--duration", "2s", relay.url("/short")])
            check_equal(publisher.wait(), 0, f"exit status of the publisher: {publisher.err}")
        instance = re.search(r"publishing short, instance (\d+)", "".join(publisher.err)).group(1)
        told = str(json.loads(out)["instance"]) if form else re.search(r"instance (\d*),", out.decode()).group(1)
        check(status == 0 and told == instance, f"{status} {out} {err} {publisher.err}")
    relay.stop()


def broken_media_is_told_and_fails():
    relay = Relay()
    _, data = fragmented("bbb")
    for cut, word in ((b"", "EmptyInit"), (b"no media at all, just words", "ExpectedBox"), (b"hello\n", "ExpectedBox"), (data[:500000], "TrailingData")):
        status, out, err = run([KARP, "--tls-disable-verify", "publish", relay.url("/broken")], stdin=cut)
        check(status == 1 and out == b"" and word in err, f"{status} {out} {err}")
    relay.stop()


def a_reader_that_leaves_ends_a_viewer_in_order():
    relay = Relay()
    publisher = Publisher(relay.url("/pipe"), clip("bbb"), "-stream_loop", "-1")
    viewer = subprocess.Popen([KARP, "--tls-disable-verify", "subscribe", relay.url("/pipe")], stdout=subprocess.PIPE)
    check(viewer.stdout.read(10000)[4:8] == b"ftyp", "the output does not begin with ftyp")
    viewer.stdout.close()
    check_equal(viewer.wait(10), 0, "exit status after the pipe broke")
    publisher.end()
    relay.stop()


def a_signal_leaves_a_file_that_plays():
    relay = Relay()
    publisher = Publisher(relay.url("/int"), clip("h264"), "-stream_loop", "-1")
    result = scratch("interrupted.mp4")
    viewer = subscriber(relay.url("/int"), result)
    wait_until(lambda: os.path.exists(result) and os.path.getsize(result) > 50000, 20, "nothing was written")
    check_equal(viewer.end(signal.SIGINT), 0, "exit status of the viewer")
    check_equal([len(list) > 5 for list in packets(result).values()], [True, True], "streams with packets in the file")
    publisher.karp.send(signal.SIGINT)
    check_equal(publisher.karp.wait(), 0, "exit status of the publisher")
    publisher.kill()
    relay.stop()


def a_viewer_that_follows_writes_both_instances():
    relay = Relay()
    path, data = fragmented("h264")
    result = scratch("followed.mp4")
    viewer = waiting_subscriber(relay.url("/twice"), result, "--follow")
    for count in (1, 2):
        status, _, err = run([KARP, "--tls-disable-verify", "publish", relay.url("/twice")], stdin=data)
        check_equal(status, 0, err)
        wait_until(lambda: sum("has ended" in line for line in viewer.err) == count, 20, f"no end was seen: {viewer.err}")
    check_equal(viewer.end(signal.SIGINT), 0, f"exit status of the viewer ({viewer.err})")
    once, both = payloads(path), payloads(result)
    check_equal({k: len(v) for k, v in both.items()}, {k: 2 * len(v) for k, v in once.items()}, f"packets ({viewer.err})")
    relay.stop()


def nobody_there_is_told():
    relay = Relay()
    status, out, err = run([KARP, "--tls-disable-verify", "info", relay.url("/nobody/")])
    check(status == 1 and out == b"" and 'nobody publishes "nobody/"' in err, f"{status} {err}")
    relay.stop()


def the_examples_meet_at_a_relay():
    relay = Relay()
    viewer = Process([program("example-subscribe"), relay.url("/hello"), "insecure"])
    publisher = Process([program("example-publish"), relay.url("/hello", "http")])
    wait_until(lambda: len(viewer.out) >= 3, 20, f"three numbers were not printed: {viewer.out} {viewer.err} {publisher.err}")
    check_equal(viewer.out[:3], ["0: 0", "0: 1", "0: 2"], "what the viewer printed")
    relay.stop()
    check_equal(viewer.wait(), 0, "exit status of the viewer when its relay has gone")
    publisher.kill()


TESTS = [help_and_version_are_data_and_mistakes_are_not, help_that_is_lost_is_an_error, wrong_words_are_named,
         a_clock_is_published_or_watched_not_both, options_that_cannot_work_are_mistakes, connect_succeeds_or_says_why_not,
         a_server_that_is_no_relay_is_told, too_few_descriptors_are_said_so, threads_of_a_bench_need_descriptors_too,
         every_version_can_be_asked_for, the_clock_ticks_from_publisher_to_viewer,
         a_pipe_that_is_faster_than_time_loses_nothing, a_publisher_can_wait_for_its_viewer,
         whoever_comes_late_begins_at_the_newest_group, whoever_asks_for_it_begins_at_the_oldest_group,
         what_never_had_a_catalog_is_never_announced, a_file_is_published_in_its_own_time,
         info_names_the_instance_that_ended_while_it_watched, broken_media_is_told_and_fails,
         a_reader_that_leaves_ends_a_viewer_in_order, a_signal_leaves_a_file_that_plays,
         a_viewer_that_follows_writes_both_instances, nobody_there_is_told, the_examples_meet_at_a_relay]
