# SPDX-License-Identifier: MIT OR Apache-2.0
"""Relays that are joined: what is published at any of them is watched at any other one, by the cheapest way, and goes over each link
once. What dies is gone around."""

import time

from authkit import Key, Probe, key_set
from clusterkit import *

DEATH_S = 2  # until viewers on living relays have frames again; more on a busy machine


def stop(*nodes):
    for node in nodes:
        node.stop()


def any_pair_of(shape, count, workers):
    def test():
        nodes, probe = shape(count, workers=workers), Probe()
        for node in nodes:
            probe.ask(node, "announce", f"from/{node.name}")
        clients = {(here.name, there.name): probe.ask(here, "view", f"from/{there.name}") for here in nodes for there in nodes}
        for pair, client in clients.items():
            probe.wait_until_said(client, "frame hello")
        probe.end()
        stop(*nodes)
    test.__name__ = f"in_a_{shape.__name__}_of_{count}_with_{workers}_workers_any_pair_may_be_publisher_and_viewer"
    return test


SHAPES = [any_pair_of(line, 4, 1), any_pair_of(ring, 4, 1), any_pair_of(mesh, 4, 1), any_pair_of(tree, 5, 1), any_pair_of(ring, 3, 2)]


def subscriptions(node):
    return node.stats()["upstream_subscriptions"]


def a_track_goes_over_a_link_once():
    nodes = line(3)
    publisher = clock(nodes[0], "--publish")
    viewer = clock(nodes[2])
    wait_for_more_ticks(viewer)
    before = [subscriptions(node) for node in nodes]
    viewers = [clock(nodes[2]) for _ in range(10)]
    for one in viewers:
        wait_for_more_ticks(one, 1)
    check_equal([subscriptions(node) for node in nodes], before, "subscriptions with 11 viewers in place of 1")
    for one in [viewer, *viewers]:
        one.end()
    wait_until(lambda: [subscriptions(node) for node in nodes] == [count - 1 for count in before], 10,
               f"the link is not quiet when nobody watches: {[subscriptions(node) for node in nodes]}, was {before}")
    publisher.end()
    stop(*nodes)


def the_cheapest_way_is_taken():
    root = Node("root")
    dear, cheap = Node("dear", [(root, 10)]), Node("cheap", [(root, 2)])
    leaf = Node("leaf", [(dear, 10), (cheap, 2)])
    publisher, viewer = clock(root, "--publish"), clock(leaf)
    wait_for_more_ticks(viewer)
    check(cheap.is_watched_for("clock") and not dear.is_watched_for("clock"), "the dear way is taken")
    cheap.kill()
    wait_for_more_ticks(viewer, 3)
    check(dear.is_watched_for("clock"), "nobody watches by way of the other relay")
    publisher.end()
    viewer.end()
    stop(leaf, dear, root)


def longest_pause(viewer, since):
    """Seconds between ticks, which come once a second."""
    times = [at for at in viewer.times if at >= since]
    return max(after - before for before, after in zip(times, times[1:]))


class TimedClock(Process):
    """A viewer that notes when each tick came."""

    def __init__(self, node):
        self.times = []
        super().__init__([program("moq-clock"), "--tls-disable-verify", node.url()])

    def _collect(self, pipe, lines):
        for line in pipe:
            self.times.append(time.monotonic())
            lines.append(line.decode().rstrip("\n"))


def dies(how):
    """In a ring of four, the publisher and the viewer are opposite each other, and one of the two between them dies."""
    def test():
        nodes = ring(4)
        publisher, viewer = clock(nodes[0], "--publish"), TimedClock(nodes[2])
        wait_for_more_ticks(viewer)
        between = next(node for node in (nodes[1], nodes[3]) if node.is_watched_for("clock"))
        began = time.monotonic() - 2
        between.send(how)
        wait_for_more_ticks(viewer, 4)
        pause = longest_pause(viewer, began)
        print(f"           {pause:.2f} s between two ticks of a clock that ticks each second", flush=True)
        check(pause < 1 + DEATH_S * PATIENCE, f"the viewer had no frames for {pause} s")
        check(viewer.is_running(), f"the viewer has left: {viewer.err[-5:]}")
        publisher.end()
        viewer.end()
        between.send(signal.SIGCONT)
        between.kill()
        stop(*[node for node in nodes if node is not between])
    test.__name__ = f"a_relay_that_gets_{signal.Signals(how).name}_is_gone_around"
    return test


def of_two_publishers_the_newer_is_watched_everywhere():
    nodes, probe = line(3), Probe()
    older = probe.ask(nodes[0], "announce", "film")
    viewer = probe.ask(nodes[1], "view", "film")
    probe.wait_until_said(viewer, "frame hello")
    newer = clock(nodes[2], "--publish", "--path", "film")
    probe.wait_until_said(viewer, "frame 2")  # the year
    newer.kill()
    probe.wait_until_said(probe.ask(nodes[2], "view", "film"), "frame hello")
    del older
    probe.end()
    stop(*nodes)


def nobody_else_gets_in():
    node, probe = Node("alone", trust="claim"), Probe()
    for action in "subscribe", "fetch", "info":
        check("no:" in probe.hear(probe.ask(node, action, "internal/map")), f"{action} of what relays tell each other")
    probe.hear(probe.ask(node, "announce", "internal/node/alone/paths"))
    node.wait_for("is for relays of the cluster")
    stranger = Node("stranger", [node])
    publisher = clock(stranger, "--publish")
    stranger.wait_for("session")
    time.sleep(1)
    check_equal(node.stats()["announcements"], 2, "paths of a relay that nobody trusts, beside the node's own two")
    publisher.end()
    probe.end()
    stop(stranger, node)


def a_token_joins_and_is_told_to_nobody():
    key = Key("cluster", "ours", "ES256")
    root = Node("root", trust="claim", more=[{"auth": {"keys": key_set(scratch("cluster.json"), key)}}])
    token = key.sign("--cluster", "--publish", "", "--subscribe", "")
    leaf = Node("leaf", [root], query=f"jwt={token}")
    publisher = clock(leaf, "--publish")
    root.wait_for("leaf is reached by link")
    probe = Probe()
    viewer = probe.ask(root, "view", "clock", token=key.sign("--subscribe", "clock"))
    probe.wait_until_said(viewer, "frame 2")
    for node in root, leaf:
        check(not any(token in line for line in node.err), "a token is in a log")
    publisher.end()
    probe.end()
    stop(leaf, root)


TESTS = [*SHAPES, a_track_goes_over_a_link_once, the_cheapest_way_is_taken, *map(dies, (signal.SIGKILL, signal.SIGSTOP)),
         of_two_publishers_the_newer_is_watched_everywhere, nobody_else_gets_in, a_token_joins_and_is_told_to_nobody]
