# SPDX-License-Identifier: MIT OR Apache-2.0
"""Modules say what peers may do, and the relay sees to it. What follows for peers in detail is tests/sim/relay's."""

from abikit import *
from peer import *

WORKERS = (1, 4)


def grant(**settings):
    return lambda: (module("grant"), settings)


async def check_granted(relay):
    """Both peers may publish below pub and room, and watch below pub and room/a. Returns the viewer and what it watches."""
    source, viewer = await connect(relay), await connect(relay)
    told_of = viewer.bidi(announce_please())
    await publish(source, ("public",), ("room", "b"), ("pub", "x"))
    await told_of.has(announce(ACTIVE, "pub", "x"), "announcements that are granted")
    watching = await watch(viewer, ("pub", "x"))
    (await subscription(source)).group(0, b"x")
    check_equal((await watching.next())[2], frame(b"x"), "a group")
    for request in (subscribe(V02, 7, ("room", "b")), fetch(V02, ("room", "b"), 128, 0, 0), info_please("public")):
        stream = viewer.bidi(request)
        await stream.until(lambda s: s.is_over, "a refusal")
        check(stream.reset_raw is not None, f"what is not granted is refused: {stream.state()}")
    check(not relay.trace.has("asked 2 public") and not relay.trace.has("asked 3 room/b"), "hooks were asked of what is not granted")
    check(relay.trace.has("asked 2 room/b") and relay.trace.has("asked 3 pub/x"), "hooks were asked of what is granted")
    return viewer, watching, told_of


@with_peers(grant(), workers=WORKERS)
async def grants_are_kept(relay):
    await check_granted(relay)


@with_peers(grant(late=True), workers=WORKERS)
async def grants_of_a_later_answer_are_kept(relay):
    await check_granted(relay)


@with_peers(grant(wrong=True), workers=WORKERS)
async def a_session_whose_grants_are_wrong_is_denied(relay):
    peer = await dial(relay)
    opening = peer.bidi(hello(V02))
    await peer.closed()
    check_equal(opening.data, b"", "what the peer was told")
    await told(relay, "close")


@with_peers(grant(expires=1500), workers=WORKERS)
async def a_session_ends_when_its_grants_expire(relay):
    peer = await connect(relay)
    await peer.closed(6, "a session whose grants have expired")
    await told(relay, "close")


@with_peers(grant(revoked=1000), workers=WORKERS)
async def grants_are_taken_back(relay):
    viewer, watching, told_of = await check_granted(relay)
    await told(relay, "revoked")
    await watching.stream.until(lambda s: s.is_over, "the end of a subscription that is not granted any more")
    await told_of.until(lambda s: announce(ENDED, "pub", "x") in s.data, "the end of an announcement")
    await viewer.ping()


TESTS = [grants_are_kept, grants_of_a_later_answer_are_kept, a_session_whose_grants_are_wrong_is_denied,
         a_session_ends_when_its_grants_expire, grants_are_taken_back]
