# SPDX-License-Identifier: MIT OR Apache-2.0
"""The wall clock as programs see it that a test starts with `env`, and sets while they run; nobody else's clock changes."""

import os
import struct

from moqkit import TOP, compile_shared, scratch

HOUR_S = 3600
SOURCE = os.path.join(TOP, "tests/kit/wall_clock.c")


class WallClock:
    """`env` is for the programs whose clock it is."""

    def __init__(self, name="wall"):
        self.path, self.ahead_s = scratch(f"{name}.clock"), 0
        with open(self.path, "wb") as file:
            file.write(struct.pack("=q", 0))
        library = compile_shared("wall_clock.so", [SOURCE], "-fvisibility=default")
        # The clock comes before the sanitizer.
        self.env = {"LD_PRELOAD": library, "WALL_CLOCK": self.path, "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def set_ahead(self, seconds):
        """The programs' clock is so far ahead of the machine's from now on; below 0: behind."""
        self.ahead_s = seconds
        with open(self.path, "r+b") as file:
            file.write(struct.pack("=q", round(seconds * 1e9)))

    def slew(self, seconds, steps):
        """Goes there in so many even steps, one a turn: iterate, and wait as long as a step should last."""
        begin = self.ahead_s
        for step in range(1, steps + 1):
            self.set_ahead(begin + (seconds - begin) * step / steps)
            yield step
