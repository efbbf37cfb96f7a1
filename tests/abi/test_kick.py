# SPDX-License-Identifier: MIT OR Apache-2.0
"""A module ends viewers and sessions from wherever it is called, and looks at statistics there."""

from abikit import *
from peer import *

PLACES = ("timer", "post", "subscribe", "opening", "closing", "sample", "live", "idle", "event")


async def provoke(relay, source, watching, place):
    """Whatever makes the relay call the module there."""
    if place in ("closing", "idle"):
        watching.stream.cancel()
    elif place == "subscribe":
        watching.peer.bidi(subscribe(V02, 99, ("live", "a")))
    elif place == "event":
        await publish(source, ("other",))


def kicking(place):
    async def test(relay):
        source, viewer = await connect(relay), await connect(relay)
        for name in "a", "b":
            await publish(source, ("live", name))
        watched = [await watch(viewer, ("live", name)) for name in ("a", "a", "b")]
        await provoke(relay, source, watched[-1], place)
        for watching in watched[:2]:
            await watching.stream.until(lambda s: s.is_over, "the end of a subscription")
        await told(relay, "kicked")
        await viewer.ping()
        relay.wait_for("kick closes its subscription to live/a: the hall is closed")
    test.__name__ = f"a_module_ends_all_viewers_in_{place}"
    return with_peers(lambda: (module("kick"), {"where": place}), workers=(1,))(test)


def ending(place):
    async def test(relay):
        source, viewer = await connect(relay), await connect(relay)
        await publish(source, ("live", "a"))
        viewer.bidi(subscribe(V02, 7, ("live", "a")))
        await viewer.closed(6, "a session whose credentials have expired")
        check("time is up" in viewer.ended.reason_phrase, f"the reason that the peer was told: {viewer.ended}")
        await source.ping()
    test.__name__ = f"a_module_ends_all_sessions_in_{place}"
    return with_peers(lambda: (module("kick"), {"where": place, "peers": "true"}), workers=(1,))(test)


TESTS = [*map(kicking, PLACES), *map(ending, ("timer", "post", "opening", "sample", "live"))]
