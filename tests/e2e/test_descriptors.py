# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs that are started without standard input, output or error, as by some supervisors or `>&-`."""

import itertools
import os
import signal
import subprocess

from moqkit import *

SETS = [closed for n in (1, 2, 3) for closed in itertools.combinations((0, 1, 2), n)]


class Without:
    """A program that is started with these descriptors closed. Descriptors 1 and 2, if open, go to a file."""

    def __init__(self, closed, argv):
        self.closed, self.argv = closed, argv
        self.log = scratch(f"without-{os.path.basename(argv[0])}-{''.join(map(str, closed))}.log")
        with open(self.log, "wb") as file:
            self.popen = subprocess.Popen(["sh", "-c", 'exec "$@" ' + " ".join(f"{fd}>&-" for fd in closed), "sh", *argv],
                                          stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def check_status(self, expected, seconds=20):
        check_equal(self.popen.wait(seconds), expected, f"status of {self.argv[0]} without {self.closed} ({self.said()[-300:]})")

    def end(self, number=signal.SIGTERM):
        self.popen.send_signal(number)
        self.check_status(0)


def with_all_sets(argv, judge):
    """Runs the program once for each set of closed descriptors, all at once, because each start waits for a handshake."""
    started = [Without(closed, argv) for closed in SETS]
    try:
        for process in started:
            judge(process)
    finally:
        for process in started:
            if process.popen.poll() is None:
                os.killpg(process.popen.pid, signal.SIGKILL)
            process.popen.wait()


def connect_succeeds_without_them():
    relay = Relay()
    with_all_sets([program("moq-karp"), "--tls-disable-verify", "connect", relay.url("/a")], lambda process: process.check_status(0))
    relay.stop()


def a_clock_is_published_without_them():
    relay = Relay()
    publisher = [program("moq-clock"), "--tls-disable-verify", relay.url(), "--publish"]

    def judge(process):
        wait_until(lambda: relay.stats()["announcements"] == 1, 15, f"it does not publish without {process.closed}")
        process.end()

    for closed in SETS:
        process = Without(closed, publisher)
        judge(process)
        wait_until(lambda: relay.stats()["announcements"] == 0, 15, "it is still there")
    relay.stop()


def output_that_is_closed_is_an_error_of_those_who_write_it():
    relay = Relay()
    clock = Process([program("moq-clock"), "--tls-disable-verify", relay.url(), "--publish"])
    with_all_sets([program("moq-clock"), "--tls-disable-verify", relay.url()], lambda process: (
        process.check_status(1) if 1 in process.closed else (wait_until(process.said, 15, "nothing is printed"), process.end())))
    for closed in SETS:
        publisher = Without(closed, [program("moq-karp"), "--tls-disable-verify", "publish", relay.url("/a")])
        publisher.check_status(1)
        true, false = ("bad file descriptor", "EmptyInit") if 0 in closed else ("EmptyInit", "bad file descriptor")
        check(2 in closed or (true in publisher.said() and false not in publisher.said()), publisher.said())
    clock.end()
    relay.stop()


def a_relay_serves_and_ends_in_order_without_them():
    for closed in SETS:
        port = free_port()
        relay = Without(closed, [program("moq-relay"), "--dev", "--bind", f"[::]:{port}"])
        url = f"http://localhost:{port}/a"

        def answers():
            return run([program("moq-karp"), "-qq", "connect", url])[0] == 0

        wait_until(answers, 20, f"the relay does not answer without {closed}: {relay.said()}")
        relay.end()


def a_bench_measures_without_them():
    relay = Relay()
    argv = [program("moq-bench"), "--viewers", "1", "--warm-up", "0", "--duration", "200ms", relay.url("/bench", "http")]
    for closed in SETS:
        Without(closed, argv).check_status(1 if 1 in closed else 0)
    relay.stop()


def examples_live_without_them():
    for closed in SETS:
        relay = Relay()
        publisher = Without(closed, [program("example-publish"), relay.url("/hello", "http")])
        viewer = Without(closed, [program("example-subscribe"), relay.url("/hello", "http")])
        wait_until(lambda: relay.stats()["viewers"] == 1, 15, f"they do not meet without {closed}")
        relay.stop()
        viewer.check_status(0)
        publisher.popen.kill()  # it would come back to the next relay
        publisher.check_status(-signal.SIGKILL)


TESTS = [connect_succeeds_without_them, a_clock_is_published_without_them, output_that_is_closed_is_an_error_of_those_who_write_it,
         a_relay_serves_and_ends_in_order_without_them, a_bench_measures_without_them, examples_live_without_them]
