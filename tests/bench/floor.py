#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compares our relay with the floor: a bare program on ngtcp2 and wolfSSL that makes the frames itself (floor.h). Both run in
turn on the same core, over raw QUIC, with any number of viewers; `dev/bench floor` does it with fifty. The relay also has to
receive the publisher's stream. Build first."""

import argparse
import os
import statistics
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(here), "kit"), here]

import moqkit
from figures import VALGRIND_LOAD, count_instructions, measure
from shapes import Side, fan_out


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/floor.py", description=__doc__)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--rate", type=int, default=60, help="frames per second")
    parser.add_argument("--size", type=int, default=4096, help="bytes of a frame")
    parser.add_argument("--group-ms", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=10, help="of one run, after a warm-up of 2")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--instructions", action="store_true", help="count them with valgrind instead of measuring time")
    parser.add_argument("--profile", help="with --instructions: where callgrind's profiles go")
    chosen = parser.parse_args()
    load = fan_out(chosen.viewers, chosen.size, chosen.rate, group=f"{chosen.group_ms}ms")
    load.update({**VALGRIND_LOAD, "duration": f"{chosen.seconds}s"} if chosen.instructions else
                {"duration": f"{chosen.seconds}s", "warm-up": "2s"})

    def cost(name, server):
        side = Side(name, server, load, scheme="moqf")
        if chosen.instructions:
            value = count_instructions(side, profile=f"{chosen.profile}.{name}" if chosen.profile else "/dev/null")
            print(f"{name}: {value:.0f} instructions outside the kernel", flush=True)
            return value
        value = measure(side)["cpu_us"]
        print(f"{name}: {value:.1f} us", flush=True)
        return value

    runs = [(cost("floor", "floor"), cost("relay", "ours")) for _ in range(chosen.runs)]
    print(f"median of the ratios, relay to floor: {statistics.median(relay / floor for floor, relay in runs):.2f}")


if __name__ == "__main__":
    try:
        main()
    except moqkit.Failure as failure:
        sys.exit(f"floor: {failure}")
    finally:
        moqkit._clean_up()
