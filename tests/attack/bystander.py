# SPDX-License-Identifier: MIT OR Apache-2.0
"""Somebody who watches a live track from a publisher of its own while others attack, and has to get each group of it."""

import asyncio

from peer import *
from rig import *

EVERY_S = 0.04
AHEAD = 8  # groups that are under way at most: a busy machine makes the publisher slower, never the viewer late
SMALL_KIB = 6 * 1024  # what the relay may have grown by
# Sanitizers keep freed memory for a while, so growth says nothing there.
IS_SANITIZED = "asan" in BIN


class Bystander:
    """A publisher and a viewer of their own, who want to be left alone."""

    async def start(self, relay):
        self.source, self.viewer = await connect(relay, "moqf", V03), await connect(relay, "h3", V02)
        await publish(self.source, ("by", "stander"))
        self.watching = await watch(self.viewer, ("by", "stander"), expires=0)
        self.asked = await subscription(self.source)
        self.sequence = 0
        self.task = asyncio.ensure_future(self.publish())
        return self

    async def publish(self):
        while True:
            self.asked.group(self.sequence, b"%09d" % self.sequence, b"x" * 700)
            self.sequence += 1
            await asyncio.sleep(EVERY_S)
            await self.has(self.sequence - AHEAD)

    def groups(self):
        return [s for s in self.viewer.arrived if s.is_uni and s.is_ended]

    async def has(self, count):
        await self.viewer.until(lambda: len(self.groups()) >= count, f"{count} groups of the bystander",
                                state=lambda: f"only {len(self.groups())}; {self.watching.stream.state()}")

    async def stop(self):
        """Every group came, and whole."""
        await self.has(4)  # it has had time to look
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        if not self.task.cancelled():
            raise self.task.exception()
        await self.has(self.sequence)
        for stream in self.groups():
            sequence, rest = self.watching.split(stream)
            check_equal(rest, frame(b"%09d" % sequence) + frame(b"x" * 700), "a group of the bystander")
        check_equal(self.watching.stream.data.hex(), info(V02).hex(), "INFO and gaps of the bystander")


def beside_a_bystander(grows=SMALL_KIB, **settings):
    """An async function of a relay as a test, with the bystander, and with a look at the relay's memory."""
    def decorate(test):
        @on_a_relay(**settings)
        async def whole(relay):
            bystander = await Bystander().start(relay)
            before = resident_kib(relay)
            try:
                await test(relay)
            finally:
                grown = resident_kib(relay) - before if relay.is_running() else 0
            check(relay.is_running(), f"the relay died with {relay.popen.poll()}: {relay.err[-30:]}")
            await bystander.stop()
            check(IS_SANITIZED or grown <= grows, f"the relay has grown by {grown} KiB")
        whole.__name__ = test.__name__
        return whole
    return decorate


async def pause(turn, every=64):
    """Lets the loop do the rest of the world."""
    if turn % every == 0:
        await asyncio.sleep(0.001)


