# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the tools say, and how they end, in the states in which people meet them: nothing there yet, the relay away, two of one
name, Ctrl-C, a reader that has left, input that is none."""

import contextlib
import os
import re
import signal
import socket
import subprocess

from moqkit import *
from test_tools import CLOCK, KARP, Pipe, fragmented


def a_clock_that_is_waited_for_is_told_and_no_second_comes_twice():
    """Before there is one, while the relay is away, when another takes over, and when all have gone."""
    relay = Relay()
    url, odd = relay.url(scheme="http"), ["--path", "a b/c%20d"]
    viewer = Process([CLOCK, url, *odd])
    viewer.wait_for('waiting for the clock "a{20}b/c%20d"')

    def seconds_come(count=3):
        wanted = len(viewer.out) + count
        wait_until(lambda: len(viewer.out) >= wanted, 20, f"no more seconds after {viewer.out} {viewer.err}")

    first = Process([CLOCK, "--publish", url, *odd])
    seconds_come()
    relay.stop()
    viewer.wait_for("lost localhost")
    relay = Relay(port=relay.port)
    seconds_come()
    check(not any("has gone" in line for line in viewer.err), f"it was the relay that went: {viewer.err}")
    second = Process([CLOCK, "--publish", url, *odd])
    second.wait_for("publishing")
    seconds_come()
    second.end()
    seconds_come()
    first.end()
    viewer.wait_for("the clock has gone; waiting for another")
    check_equal(viewer.out, sorted(set(viewer.out)), "seconds, each once and in order")
    check_equal(sum("gone" in line for line in viewer.err), 1, f"messages of the end in {viewer.err}")
    check_equal(viewer.end(), 0, "exit status of the viewer")
    relay.stop()


def two_publishers_of_one_name_are_told():
    """And nobody is taken for another because the relay was restarted."""
    relay = Relay()
    _, data = fragmented("short")
    first = Pipe(relay.url("/a%20b", "http"))
    first.write(data)
    first.process.wait_for("publishing")
    relay.stop()
    first.process.wait_for("lost localhost")
    relay = Relay(port=relay.port)
    wait_until(lambda: sum("publishing" in line for line in first.process.err) == 2, 20, f"it does not come back: {first.process.err}")
    ours = re.search(r"instance (\d+)", first.process.err[-1]).group(1)
    second = Pipe(relay.url("/a%20b", "http"))
    second.process.wait_for(f'"a%20b" has another publisher: instance {ours}, which is older')
    second.write(data)
    second.process.wait_for("publishing")
    theirs = re.search(r"instance (\d+)", second.process.err[-1]).group(1)
    first.process.wait_for(f'"a%20b" has another publisher: instance {theirs}, which is newer, so viewers change to it')
    for one in (first, second):
        one.end()
        check_equal(sum("another publisher" in line for line in one.process.err), 1, f"warnings in {one.process.err}")
    relay.stop()


def an_interrupt_is_not_an_answer():
    """To connect, and to info unless it has counted something."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        connect = Process([KARP, "connect", f"moqf://127.0.0.1:{silent.getsockname()[1]}"])
        silent.recv(2000)
        check_equal(connect.end(signal.SIGINT), 1, "status of connect")
        check("interrupted before it was connected" in connect.err[-1], f"{connect.err}")
    relay = Relay()
    info = Process([KARP, "info", relay.url("/later", "http")])
    info.wait_for("waiting for")
    check_equal(info.end(signal.SIGINT), 1, "status of info")
    check(info.out == [] and "interrupted before" in info.err[-1], f"{info.out} {info.err}")
    publisher = Publisher(relay.url("/later"), clip("h264"), "-stream_loop", "-1")
    publisher.karp.wait_for("publishing")
    info = Process([KARP, "info", "--duration", "1h", relay.url("/later", "http")])
    wait_until(lambda: relay.stats()["viewers"] == 3, 15, f"it does not watch: {info.err}")
    check_equal(info.end(signal.SIGINT), 0, f"status of info that was cut short {info.err}")
    check("broadcast later, instance" in info.out[0], f"{info.out} {info.err}")
    publisher.end()
    relay.stop()


def info_knows_nothing_without_its_relay():
    relay = Relay()
    info = Process([KARP, "info", relay.url("/unknown", "http")])
    info.wait_for("waiting for")
    relay.stop()
    check_equal(info.wait(), 1, "status of info")
    check("the relay did not come back" in info.err[-1] and "nobody" not in info.err[-1], f"{info.err}")


@contextlib.contextmanager
def everything_delivered():
    """A relay, a publisher that lingers, and a viewer that has received all of a short file."""
    relay = Relay()
    path, _ = fragmented("short")
    with open(path, "rb") as file:
        publisher = Process([KARP, "--tls-disable-verify", "publish", "--no-pace", "--linger", "1h", relay.url("/long")], stdin=file)
        viewer = subscriber(relay.url("/long"), scratch("lingering.mp4"), "--from-start")
        relay.wait_for("its publisher finished it")
        yield relay, publisher, viewer


def an_interrupt_ends_the_lingering():
    with everything_delivered() as (relay, publisher, viewer):
        check_equal(publisher.end(signal.SIGINT), 0, f"status of publish {publisher.err}")
        check_equal(viewer.wait(), 0, f"status of subscribe {viewer.err}")
        relay.stop()


def a_relay_that_leaves_ends_the_lingering():
    """Everything was delivered, and nobody can come any more."""
    with everything_delivered() as (relay, publisher, viewer):
        viewer.end()
        wait_until(lambda: relay.stats()["upstream_subscriptions"] <= 1, 15, "the tracks are still fed")
        relay.stop()
        check_equal(publisher.wait(), 0, f"status of publish {publisher.err}")


def input_that_cannot_be_is_told():
    relay = Relay()
    folder = os.open("/", os.O_RDONLY)
    for stdin, words in ((folder, "directory"), (subprocess.DEVNULL, "the input is empty: whatever was to write it")):
        publisher = Process([KARP, "publish", relay.url("/no-input", "http")], stdin=stdin)
        check_equal(publisher.wait(), 1, f"status ({publisher.err})")
        check(words in publisher.err[-1], f"{publisher.err}")
    os.close(folder)
    relay.stop()


def readers_that_leave_are_no_error():
    """Of an answer that comes at the end, too."""
    relay = Relay()
    publisher = Publisher(relay.url("/pipe"), clip("bbb"), "-stream_loop", "-1")
    publisher.karp.wait_for("publishing")
    for argv in ([KARP, "info", "--duration", "100ms", relay.url("/pipe", "http")],
                 [KARP, "info", "--json", "--duration", "100ms", relay.url("/pipe", "http")],
                 [program("moq-bench"), "--viewers", "1", "--warm-up", "0", "--duration", "100ms", relay.url("/bench", "http")],
                 [program("moq-bench"), "--json", "--viewers", "1", "--warm-up", "0", "--duration", "100ms", relay.url("/bench", "http")]):
        reading, writing = os.pipe()
        os.close(reading)
        reader = Process(argv, stdout=writing)
        os.close(writing)
        check(reader.wait() in (0, 3) and not any("standard output" in line for line in reader.err), f"{argv}: {reader.err}")
    publisher.end()
    relay.stop()


TESTS = [a_clock_that_is_waited_for_is_told_and_no_second_comes_twice, two_publishers_of_one_name_are_told,
         an_interrupt_is_not_an_answer, info_knows_nothing_without_its_relay, an_interrupt_ends_the_lingering,
         a_relay_that_leaves_ends_the_lingering, input_that_cannot_be_is_told, readers_that_leave_are_no_error]
