# SPDX-License-Identifier: MIT OR Apache-2.0
"""A relay with several workers: viewers on all workers get what is published on one; the workers are counted and stopped
together."""

import select
import signal
import socket
import threading
import time

from moqkit import *

VIEWERS = 20
ANSWERS = 3  # after this many answers to a port the relay has found the client there


def relay_of(name, text):
    port = free_port()
    path = scratch(name + ".yaml")
    with open(path, "w") as file:
        file.write(f'listen:\n  - address: "[::]:{port}"\n    self_signed: [localhost]\nhttp: {{ address: listen }}\nworkers: 4\n{text}')
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    relay.path = path
    return relay


def clock(relay, *more, port=None):
    url = relay.url() if port is None else f"https://127.0.0.1:{port}"
    return Process([program("moq-clock"), "--tls-disable-verify", url, *more])


def check_sums(stats):
    check_equal(len(stats["workers"]), 4, "workers")
    for name in ("sessions", "viewers"):
        check_equal(sum(worker[name] for worker in stats["workers"]), stats[name], f"sum of {name}")
    listeners = sum(listener["bytes_sent"] for listener in stats["listeners"])
    check_equal(sum(worker["bytes_sent"] for worker in stats["workers"]), listeners, "sum of bytes sent")
    check_equal(len({worker["thread"] for worker in stats["workers"]}), 4, "threads")


def all_workers_serve_one_publisher_through_reloads_and_end_in_order():
    relay = relay_of("four", "")
    publisher = clock(relay, "--publish")
    viewers = [clock(relay) for _ in range(VIEWERS)]
    wait_until(lambda: relay.stats()["viewers"] == VIEWERS, 20, f"viewers are missing: {relay.err[-5:]}")
    for count in range(1, 11):
        relay.send(signal.SIGHUP)
        wait_until(lambda: sum("reloaded" in line for line in relay.err) == count, 10, f"reload {count}: {relay.err[-3:]}")
    for viewer in viewers:
        wait_until(lambda: len(viewer.out) >= 3, 15, f"a viewer sees no time: {viewer.err}")
    stats = relay.stats()
    check_sums(stats)
    check_equal((stats["sessions"], stats["viewers"], stats["upstream_subscriptions"]), (VIEWERS + 1, VIEWERS, 1),
                "sessions, viewers, subscriptions upstream")
    check(sum(worker["viewers"] > 0 for worker in stats["workers"]) >= 2, f"one worker does it all: {stats['workers']}")
    numbers = [line.split("session ")[1].split()[0] for line in relay.err if " is up" in line]
    check(len(numbers) >= 5 and len(set(numbers)) == len(numbers), f"numbers of sessions in the log: {numbers}")
    check_equal(relay.end(), 0, "exit status")
    for process in (publisher, *viewers):
        process.wait_for("lost localhost")
        check(not any("too long" in line for line in process.err), f"it was not told of the end: {process.err[-3:]}")
        process.end()


def a_port_that_workers_share_is_taken_for_others():
    relay = relay_of("taken", "")
    status, _, err = run([program("moq-relay"), relay.path])
    check(status != 0 and str(relay.port) in err and "in use" in err.lower(), f"{status} {err}")
    check(f"moq-relay (pid {relay.popen.pid}) has this UDP port" in err, f"who has the port is not said: {err}")
    relay.stop()


class Nat:
    """A NAT that forgets its mapping again and again: when the relay has found the client at one port, it moves to another."""

    def __init__(self, relay):
        self.inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inside.bind(("127.0.0.1", 0))
        self.port = self.inside.getsockname()[1]
        self.relay = ("127.0.0.1", relay.port)
        self.client = None
        self.is_over = False
        self.moves = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        outside, old = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), None
        answers, moves_at = 0, time.monotonic() + 1
        while not self.is_over:
            if time.monotonic() > moves_at and answers >= ANSWERS:
                old, outside = outside, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                answers, moves_at = 0, time.monotonic() + 0.3
                self.moves += 1
            for ready in select.select([self.inside, outside] + ([old] if old else []), [], [], 0.05)[0]:
                data, sender = ready.recvfrom(65536)
                if ready is self.inside:
                    self.client = sender
                    outside.sendto(data, self.relay)
                else:
                    self.inside.sendto(data, self.client)
                    answers += ready is outside

    def end(self):
        self.is_over = True
        self.thread.join()


def watch_through_nats(relay):
    """Returns /stats after eight viewers have changed their ports for some seconds."""
    publisher = clock(relay, "--publish")
    nats = [Nat(relay) for _ in range(8)]
    viewers = [clock(relay, port=nat.port) for nat in nats]
    for viewer in viewers:
        wait_until(lambda: len(viewer.out) >= 5, 20, f"a viewer that moves sees no time: {viewer.out} {viewer.err}")
    wait_until(lambda: min(nat.moves for nat in nats) >= 3, 20, "they hardly move")
    stats = relay.stats()
    check_equal(stats["sessions_total"], len(viewers) + 1, "sessions: some had to connect again")
    check_equal(stats["listeners"][0]["stateless_resets"], 0, "packets that nobody knew")
    check_equal(stats["listeners"][0]["forwards_dropped"], 0, "packets that had no room")
    for process in (publisher, *viewers):
        check_equal(process.end(), 0, "exit status of a clock")
    for nat in nats:
        nat.end()
    relay.stop()
    return stats["listeners"][0]


def viewers_that_change_their_address_stay_with_their_worker():
    listener = watch_through_nats(relay_of("steered", ""))
    check_equal(listener["datagrams_forwarded"], 0, "packets that the kernel gave to another worker")


def without_steering_workers_hand_on_what_is_not_theirs():
    listener = watch_through_nats(relay_of("unsteered", "quic: { steering: false }\n"))
    check(listener["datagrams_forwarded"] > 0, f"nothing was handed on: {listener}")


TESTS = [all_workers_serve_one_publisher_through_reloads_and_end_in_order, a_port_that_workers_share_is_taken_for_others,
         viewers_that_change_their_address_stay_with_their_worker, without_steering_workers_hand_on_what_is_not_theirs]
