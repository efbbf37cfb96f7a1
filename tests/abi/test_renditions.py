# SPDX-License-Identifier: MIT OR Apache-2.0
"""A module that moves viewers between renditions."""

from abikit import *
from peer import *

WORKERS = (1, 4)
HIGH, LOW = ("live", "high"), ("live", "low")
GROUP_US = 1000000


def turn():
    return module("turn"), {}


def media(number, word):
    """The only frame of a group that begins at second `number`."""
    return varint(number * GROUP_US) + word


@with_peers(turn, workers=WORKERS)
async def a_viewer_is_moved_under_one_subscription(relay):
    publisher, viewer = await connect(relay), await connect(relay)
    await publish(publisher, HIGH, LOW)
    watching = await watch(viewer, HIGH)
    high = await subscription(publisher)
    high.group(7, media(1, b"high"))
    stream = (await watching.next())[0]
    await stream.until(lambda s: b"high" in s.data, "a group of the rendition that was asked for")
    low = await subscription(publisher)
    check_equal(low.name, LOW, "what else the relay asks for")
    low.group(0, media(1, b"low"))
    low.group(1, media(2, b"low"))
    await publisher.ping()
    high.group(8, media(2, b"high"))
    stream, sequence, _ = await watching.next()
    check_equal(sequence, 8, "the sequence of the group at the turn")
    await stream.until(lambda s: b"low" in s.data, "the same moment of the other rendition")
    await told(relay, "has 0 live/low")
    low.group(2, media(3, b"low"))
    stream, sequence, _ = await watching.next()
    check_equal(sequence, 9, "the sequence of the next group")


@with_peers(turn, workers=WORKERS)
async def viewers_without_renditions_stay(relay):
    publisher, viewer = await connect(relay), await connect(relay)
    await publish(publisher, HIGH, LOW)
    await watch(viewer, LOW)
    low = await subscription(publisher)
    low.group(0, media(1, b"low"))
    await told(relay, "stays live/low")


@with_peers(turn, workers=WORKERS)
async def viewers_of_a_range_stay(relay):
    publisher, viewer = await connect(relay), await connect(relay)
    await publish(publisher, HIGH, LOW)
    await watch(viewer, HIGH, first=7, last=9)
    high = await subscription(publisher)
    high.group(7, media(1, b"high"))
    await told(relay, "stays live/high")


TESTS = [a_viewer_is_moved_under_one_subscription, viewers_without_renditions_stay, viewers_of_a_range_stay]
