# SPDX-License-Identifier: MIT OR Apache-2.0
"""Peers that die: publishers killed, replaced or silent, viewers that vanish, relays that restart."""

import signal

from moqkit import *


def clock(relay, *more):
    return Process([program("moq-clock"), "--tls-disable-verify", relay.url(), *more])


def ticks(viewer):
    return len(viewer.out)


def wait_for_more_ticks(viewer, count=2, seconds=20):
    before = ticks(viewer)
    wait_until(lambda: ticks(viewer) >= before + count, seconds,
               f"the viewer stands still at {viewer.out[-2:]}: {viewer.err[-5:]}")


def a_killed_publisher_comes_back_and_the_viewer_goes_on():
    relay = Relay()
    first, viewer = clock(relay, "--publish"), clock(relay)
    wait_for_more_ticks(viewer)
    first.kill()
    second = clock(relay, "--publish")
    wait_for_more_ticks(viewer)
    check(viewer.is_running(), "the viewer left")
    second.end()
    viewer.end()
    relay.stop()


def a_publisher_that_leaves_in_order_is_gone_at_once():
    relay = Relay()
    publisher = clock(relay, "--publish")
    wait_until(lambda: relay.stats()["announcements"] == 1, 10, "no clock")
    publisher.end(signal.SIGINT)
    wait_until(lambda: relay.stats()["sessions"] == 0, 15, "it is still there")
    check_equal(relay.stats()["announcements"], 0, "paths that are still announced")
    relay.wait_for("closed normally")
    relay.stop()


def a_silent_publisher_is_given_up_after_the_idle_time():
    relay = Relay()
    publisher, viewer = clock(relay, "--publish"), clock(relay)
    wait_for_more_ticks(viewer)
    publisher.send(signal.SIGSTOP)
    wait_until(lambda: relay.stats()["announcements"] == 0, 25, "a publisher that says nothing is still announced")
    check_equal(relay.stats()["sessions"], 1, "sessions left")
    relay.wait_for("the peer was silent for too long")
    relay.stop()


def of_two_publishers_the_newest_wins_and_the_other_takes_over():
    relay = Relay()
    first = clock(relay, "--publish")
    wait_until(lambda: relay.stats()["announcements"] == 1, 10, "no first clock")
    viewer = clock(relay)
    wait_for_more_ticks(viewer)
    second = clock(relay, "--publish")
    wait_until(lambda: relay.stats()["takeovers"] == 1, 10, "the newer one did not take over")
    wait_for_more_ticks(viewer)
    second.kill()
    wait_until(lambda: relay.stats()["takeovers"] == 2, 25, "the older one did not take over")
    wait_for_more_ticks(viewer)
    first.end()
    relay.stop()


def viewers_that_vanish_leave_nothing_behind():
    relay = Relay()
    publisher = clock(relay, "--publish")
    viewers = [clock(relay) for _ in range(5)]
    for viewer in viewers:
        wait_for_more_ticks(viewer, 1)
    check_equal(relay.stats()["upstream_subscriptions"], 1, "subscriptions upstream of 5 viewers")
    for viewer in viewers:
        viewer.kill()
    wait_until(lambda: relay.stats()["viewers"] == 0, 25, "vanished viewers are still served")
    wait_until(lambda: relay.stats()["upstream_subscriptions"] == 0, 10, "nobody watches, but the track is subscribed")
    publisher.end()
    relay.stop()


def tools_reconnect_when_the_relay_restarts():
    relay = Relay()
    port = relay.port
    publisher, viewer = clock(relay, "--publish"), clock(relay)
    wait_for_more_ticks(viewer)
    relay.kill()
    relay = Relay(port=port)
    wait_for_more_ticks(viewer, 2, 60)
    check(publisher.is_running() and viewer.is_running(), "a tool gave up")
    publisher.end()
    viewer.end()
    relay.stop()


def relay_with(name, extra=""):
    port = free_port()
    cert, key, path = scratch(name + ".crt"), scratch(name + ".key"), scratch(name + ".yaml")
    status, _, err = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                          "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                          "-keyout", key, "-out", cert])
    check_equal(status, 0, f"openssl: {err}")
    with open(path, "w") as file:
        file.write(f'listen:\n  - {{ address: "[::]:{port}", certificates: [{{ cert: {cert}, key: {key} }}] }}\n'
                   f"http: {{ address: listen }}\n{extra}")
    return lambda workers: Relay(port=port, argv=["env", f"MOQ_RELAY_WORKERS={workers}", program("moq-relay"), path])


def restart_under_clients(name, extra):
    """Kills the relay and starts it again, also with another number of workers. No client waits for a time-out, which the log
    would show."""
    start = relay_with(name, extra)
    relay = start(3)
    publisher, viewer = clock(relay, "--publish"), clock(relay)
    wait_for_more_ticks(viewer)
    relay.kill()
    relay = start(2)
    wait_for_more_ticks(viewer)
    for process in (publisher, viewer):
        check(any("no longer knows this connection" in line for line in process.err), f"not told by a reset: {process.err}")
        check(not any("too long" in line for line in process.err), f"it waited: {process.err}")
        process.end()
    check(relay.stats()["listeners"][0]["stateless_resets"] >= 2, "resets are counted")
    relay.stop()


def clients_of_a_killed_relay_are_told_by_the_next_one():
    restart_under_clients("reset", "")


def clients_of_a_killed_relay_are_told_by_whichever_worker_hears_them():
    restart_under_clients("reset-unsteered", "quic: { steering: false }\n")


def a_tunnel_that_is_switched_on_stops_neither_viewer_nor_publisher():
    relay = Relay()
    tunnels = [Tunnel(relay) for _ in range(2)]
    publisher = Publisher(f"https://127.0.0.1:{tunnels[0].port}/live/tunnel", clip("bbb"), "-stream_loop", "-1")
    output = scratch("tunnel.mp4")
    viewer = subscriber(f"https://127.0.0.1:{tunnels[1].port}/live/tunnel", output)

    def size():
        return os.path.getsize(output) if os.path.exists(output) else 0

    def wait_for_more(words):
        before = size()
        wait_until(lambda: size() > before + 100000, 20, f"{words}: {size()} bytes after {before}: {viewer.err[-3:]}")

    wait_for_more("nothing comes at all")
    for tunnel, words in zip(reversed(tunnels), ("the viewer's", "the publisher's")):
        tunnel.largest = 1300
        wait_for_more(f"{words} tunnel stops it")
        wait_until(lambda: tunnel.lost > 0, 20, f"nothing large was sent into {words} tunnel")
        wait_for_more(f"{words} tunnel stops it")
    check(relay.stats()["listeners"][0]["paths_shrunk"] > 0, "the relay has not found out that the path carries less")
    viewer.end(signal.SIGINT)
    publisher.kill()
    for tunnel in tunnels:
        tunnel.end()
    relay.stop()


def a_new_instance_of_a_broadcast_is_followed():
    relay = Relay.quick()
    url, result = relay.url("/live/it"), scratch("follow.mp4")
    viewer = subscriber(url, result, "--follow")
    first = Publisher(url, clip("h264"))
    wait_until(lambda: relay.stats()["viewers"] >= 2, 15, f"nobody watches: {viewer.err[-5:]}")
    first.kill()
    second = Publisher(url, clip("h264"))
    check_equal(second.wait(), 0, f"exit status of the second instance: {second.karp.err[-5:]}")
    wait_until(lambda: relay.stats()["viewers"] == 0, 15, "the second instance's end was not noticed")
    check(viewer.is_running(), f"--follow did not wait for more: {viewer.err[-5:]}")
    status = viewer.end(signal.SIGINT)
    check(status in (0, 4), f"exit status of subscribe after SIGINT: {status}")  # 4: of the killed one a group broke off
    relay.stop()


TESTS = [a_killed_publisher_comes_back_and_the_viewer_goes_on, a_publisher_that_leaves_in_order_is_gone_at_once,
         a_silent_publisher_is_given_up_after_the_idle_time, of_two_publishers_the_newest_wins_and_the_other_takes_over,
         viewers_that_vanish_leave_nothing_behind, tools_reconnect_when_the_relay_restarts, clients_of_a_killed_relay_are_told_by_the_next_one,
         clients_of_a_killed_relay_are_told_by_whichever_worker_hears_them,
         a_tunnel_that_is_switched_on_stops_neither_viewer_nor_publisher,
         a_new_instance_of_a_broadcast_is_followed]
