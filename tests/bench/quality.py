#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shows what the policy broadcast.lua makes of a viewer whose link carries 6 Mb/s, then 1 Mb/s, then 6 Mb/s again: the table in
docs/media.md. The ladder has 4.5, 2 and 0.7 Mb/s and groups of 1 s. Each run falls at another moment of a group. Needs root, and
programs that are built."""

import argparse
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(here), "kit"), here]

import moqkit
from fallkit import GROUP_S, WIDTHS, fall
from moqkit import Skipped

FALL_S = 12
POLICIES = ("latency: 6s, order: oldest", "latency: 1s, order: newest")
HEAD = ("policy", "slow for", "falls at", "groups until it is down", "longest time without a picture", "latest picture", "pictures missing",
        "up after", "at the top after", "the other viewer")


def row_of(policy, slow_s, outcome):
    changes = outcome.changes()
    down = next((pts for pts, width in changes if pts > outcome.fell and width == WIDTHS[-1]), None)
    ups = [(pts, width) for pts, width in changes if pts > outcome.rose and width > WIDTHS[-1]]
    up, top = (next((f"{pts - outcome.rose:.1f} s" for pts, width in ups if width >= least), "never") for least in (WIDTHS[1], WIDTHS[0]))
    groups = "never" if down is None else f"{down // GROUP_S - outcome.fell // GROUP_S:.0f}"
    others = {width for _, width, _ in outcome.beside}
    return (f"`{policy}`", f"{slow_s} s", f"{outcome.fell % GROUP_S:.2f}", groups, f"{outcome.stall():.2f} s", f"{outcome.delay():.2f} s",
            f"{outcome.missing()}", up, top, "at the top" if others == {WIDTHS[0]} else f"{others}")


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/quality.py", description=__doc__)
    parser.add_argument("--policy", nargs="+", default=POLICIES, help="of the relay, as relay.yaml has it")
    parser.add_argument("--slow", nargs="+", type=int, default=[10], help="how many seconds the link is slow for")
    parser.add_argument("--after", type=int, default=30, help="seconds of media after that")
    parser.add_argument("--moments", nargs="+", type=float, default=[0.0, 0.25, 0.5, 0.75], help="of a group, at which the link falls")
    chosen = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|", flush=True)
    for policy in chosen.policy:
        for slow_s in chosen.slow:
            for moment in chosen.moments:
                begin = FALL_S + moment
                outcome = fall(int(begin + slow_s + chosen.after), begin, begin + slow_s, policy)
                print(f"| {' | '.join(row_of(policy, slow_s, outcome))} |", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (moqkit.Failure, Skipped) as failure:
        sys.exit(f"quality: {failure}")
    finally:
        moqkit._clean_up()
