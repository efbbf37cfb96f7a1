# SPDX-License-Identifier: MIT OR Apache-2.0
"""Modules that look at viewers, tracks and events, and change how viewers are served."""

from abikit import *
from peer import *

WORKERS = (1, 4)


def view(**settings):
    return lambda: (module("view"), settings)


def first_with(relay, *texts):
    """The positions of the first lines with these texts."""
    lines = relay.trace.lines()
    return [next(i for i, line in enumerate(lines) if text in line) for text in texts]


async def serve(relay, name=("live", "it")):
    source, viewer = await connect(relay), await connect(relay)
    await publish(source, name)
    watching = await watch(viewer, name)
    return source, watching, await subscription(source)


@with_peers(view(), workers=WORKERS)
async def a_viewer_is_told_of_from_its_birth_to_its_death(relay):
    _, watching, asked = await serve(relay)
    for sequence in range(3):
        asked.group(sequence, b"x")
        await (await watching.next())[0].ended()
    await told(relay, "first sample")
    check(relay.trace.has("viewer_open live/it"), "viewer_open")
    check(relay.trace.has("paths 'live/it' 'live/it'"), "the paths of a viewer")
    watching.stream.cancel()
    await told(relay, "track_idle live/it")
    watching.peer.leave()
    await told(relay, "session_close 1")
    order = first_with(relay, "viewer_open live/it", "first sample", "viewer_close live/it groups 3", "session_close 1")
    check_equal(order, sorted(order), "the order of calls")
    live, idle = first_with(relay, "track_live live/it", "track_idle live/it")
    check(live < idle, "live before idle")


@with_peers(view(), workers=WORKERS)
async def what_a_viewer_asks_for_is_told(relay):
    source, viewer = await connect(relay), await connect(relay)
    await publish(source, ("live", "it"))
    await watch(viewer, ("live", "it"), priority=7, order=0, first=3)
    await watch(viewer, ("live", "it"))
    for who in "request", "viewer":
        await told(relay, f"{who} asked: priority 7 order 0 groups 3 to any")
        await told(relay, f"{who} asked: priority 128 order 1 groups any to any")


@with_peers(view(), workers=WORKERS)
async def a_track_is_live_once_for_all_its_viewers(relay):
    source, watching, asked = await serve(relay)
    more = [await watch(watching.peer, ("live", "it")) for _ in range(3)]
    asked.group(0, b"x")
    await until_told(lambda: sum("viewer_open" in line for line in relay.trace.lines()) == 4, "four viewers are told of")
    # Viewers of one peer are on one worker.
    check_equal(sum("track_live live/it" in line for line in relay.trace.lines()), 1, "calls of track_live")
    for each in [watching, *more]:
        each.stream.cancel()
    await told(relay, "track_idle live/it")
    check_equal(sum("track_idle live/it" in line for line in relay.trace.lines()), 1, "calls of track_idle")


@with_peers(view(), workers=WORKERS)
async def a_track_that_ends_is_idle(relay):
    source, watching, asked = await serve(relay)
    asked.group(0, b"x")
    await watching.next()
    source.leave()
    await told(relay, "viewer_close live/it")
    await told(relay, "track_idle live/it")


@with_peers(view(sample="policy"), workers=WORKERS)
async def a_viewer_is_served_by_the_policy_of_a_module(relay):
    _, watching, asked = await serve(relay)
    asked.group(0, b"x")
    await watching.next()
    await told(relay, "policy is set")
    asked.group(1, b"y")
    check_equal((await watching.next())[1:], (1, frame(b"y")), "a group after the policy was set")


@with_peers(view(opening="policy"), workers=WORKERS)
async def a_policy_can_be_set_as_a_viewer_is_born(relay):
    _, watching, asked = await serve(relay)
    await told(relay, "policy is set")
    asked.group(0, b"x")
    check_equal((await watching.next())[1:], (0, frame(b"x")), "a group")


@with_peers(view(sample="close"), workers=WORKERS)
async def a_module_closes_a_viewer(relay):
    _, watching, asked = await serve(relay)
    asked.group(0, b"x")
    await watching.next()
    await watching.stream.was_reset(6, "a subscription whose credentials have expired")
    closed, returned = first_with(relay, "viewer_close live/it groups 1", "closing has returned")
    check(closed < returned, "viewer_close was called before the call returned")
    await watching.peer.ping()


@with_peers(view(opening="close"), workers=WORKERS)
async def a_module_closes_a_viewer_as_it_is_born(relay):
    source, viewer = await connect(relay), await connect(relay)
    await publish(source, ("live", "it"))
    stream = viewer.bidi(subscribe(V02, 7, ("live", "it")))
    await stream.until(lambda s: s.is_over, "the end of a subscription")
    closed, returned = first_with(relay, "viewer_close live/it groups 0", "closing has returned")
    check(closed < returned, "viewer_close was called before the call returned")
    await viewer.ping()


@with_peers(view(sample="close_peer"), workers=WORKERS)
async def a_module_ends_a_session(relay):
    source, watching, asked = await serve(relay)
    asked.group(0, b"x")
    await watching.next()
    await watching.peer.closed(6, "a session whose credentials have expired")
    check("time is up" in watching.peer.ended.reason_phrase, f"the reason that the peer was told: {watching.peer.ended}")
    await told(relay, "session_close 1")
    await source.ping()


@with_peers(view(opening="close_peer"), workers=WORKERS)
async def a_module_ends_a_session_as_a_viewer_is_born(relay):
    source, viewer = await connect(relay), await connect(relay)
    await publish(source, ("live", "it"))
    viewer.bidi(subscribe(V02, 7, ("live", "it")))
    await viewer.closed()
    await told(relay, "session_close 1")
    await source.ping()


@with_peers(view(), workers=WORKERS)
async def publishers_that_come_and_go_are_events(relay):
    source = await connect(relay)
    await publish(source, ("live", "it"))
    await told(relay, "event announced live/it")
    source.asked.send(announce(ENDED, "live", "it"))
    await told(relay, "event ended live/it")


@with_peers(view(), workers=WORKERS)
async def a_track_that_is_taken_over_is_an_event(relay):
    _, watching, asked = await serve(relay)
    asked.group(0, b"x")
    await (await watching.next())[0].ended()
    newer = await connect(relay)
    check(not relay.trace.has("taken_over"), "nobody has taken over yet")
    await publish(newer, ("live", "it"))
    await subscription(newer)
    await told(relay, "event taken_over live/it")


@with_peers(view(), lambda: (module("gate"), {"announce": "deny", "subscribe": "deny", "only": "secret"}), workers=WORKERS)
async def what_is_refused_is_an_event(relay):
    peer = await connect(relay)
    await publish(peer, ("secret",))
    await told(relay, "event announce_refused secret")
    check(not relay.trace.has("event subscribe_refused"), "nobody has subscribed yet")
    for request in (subscribe(V02, 7, ("secret",)), fetch(V02, ("secret",), 128, 3, 0), info_please("secret")):
        await peer.bidi(request).refused(NOT_FOUND, "a denied request")
    await until_traced(relay, lambda: count(relay, "event subscribe_refused secret") == 3, "three refusals")


TESTS = [a_viewer_is_told_of_from_its_birth_to_its_death, what_a_viewer_asks_for_is_told, a_track_is_live_once_for_all_its_viewers, a_track_that_ends_is_idle,
         a_viewer_is_served_by_the_policy_of_a_module, a_policy_can_be_set_as_a_viewer_is_born, a_module_closes_a_viewer,
         a_module_closes_a_viewer_as_it_is_born, a_module_ends_a_session, a_module_ends_a_session_as_a_viewer_is_born,
         publishers_that_come_and_go_are_events, a_track_that_is_taken_over_is_an_event, what_is_refused_is_an_event]
