# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the relay counts, as seen in /stats."""

from moqkit import *


def what_viewers_get_is_counted_while_they_watch():
    relay = Relay()
    publisher = Process([program("moq-clock"), "--tls-disable-verify", relay.url(), "--publish"])
    viewers = [Process([program("moq-clock"), "--tls-disable-verify", relay.url()]) for _ in range(2)]
    for viewer in viewers:
        wait_until(lambda: len(viewer.out) >= 2, 15, f"no time was printed: {viewer.err}")
    during = relay.stats()
    check_equal((during["viewers"], during["tracks"], during["upstream_subscriptions"]), (2, 1, 1), "viewers, tracks, upstream")
    check(during["bytes_sent"] >= 2 * len("2025-01-01 00:00:") + 4, f"bytes of two viewers: {during['bytes_sent']}")
    check(relay.stats()["bytes_sent"] < 2 * during["bytes_sent"], "looking at the counters changes them")
    for process in (*viewers, publisher):
        check_equal(process.end(), 0, "exit status")
    wait_until(lambda: relay.stats()["viewers"] == 0, 10, "the viewers are still counted")
    after = relay.stats()
    check(during["bytes_sent"] <= after["bytes_sent"] < 2 * during["bytes_sent"] + 100, f"{after} instead of {during}")
    relay.stop()


TESTS = [what_viewers_get_is_counted_while_they_watch]
