# SPDX-License-Identifier: MIT OR Apache-2.0
"""A module that chooses which of several publishers feeds a track."""

from abikit import *
from peer import *

WORKERS = (1, 4)
NAME = ("live", "it")


def choose():
    return module("choose"), {}


def choose_by_hook():
    return module("choose", "BY_HOOK"), {}


def candidates(relay):
    return [line for line in relay.trace.lines() if line.startswith("candidates ")]


async def watch_with_two_candidates(relay):
    """Other workers hear of a publisher a moment later."""
    deadline = time.monotonic() + 5 * PATIENCE
    while True:
        viewer = await connect(relay)
        watching = await watch(viewer, NAME)
        if candidates(relay)[-1] == "candidates 2":
            return watching
        check(time.monotonic() < deadline, "the second publisher is not known")
        viewer.leave()


async def watch_the_oldest(relay):
    oldest, newest = await connect(relay), await connect(relay)
    await publish(oldest, NAME)
    await publish(newest, NAME)
    watching = await watch_with_two_candidates(relay)
    asked = await subscription(oldest)
    asked.group(5, b"old")
    stream = (await watching.next())[0]
    await stream.until(lambda s: b"old" in s.data, "a group of the oldest publisher")
    oldest.leave()
    following = await subscription(newest)
    following.group(1, b"new")
    stream = (await watching.next())[0]
    await stream.until(lambda s: b"new" in s.data, "a group of the publisher that is left")


@with_peers(choose, workers=WORKERS)
async def the_chosen_publisher_feeds_the_track(relay):
    await watch_the_oldest(relay)


@with_peers(choose_by_hook, workers=WORKERS)
async def a_hook_chooses_the_publisher_of_a_track(relay):
    await watch_the_oldest(relay)
    check(relay.trace.has("choice 1 of live/it"), f"the hook was asked: {relay.trace.lines()}")


TESTS = [the_chosen_publisher_feeds_the_track, a_hook_chooses_the_publisher_of_a_track]
