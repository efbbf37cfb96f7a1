# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures both sides of each shape in shapes.py, in turn or at once, so that other work on the machine affects both.
`dev/bench` runs it."""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(here), "kit"), here]

import moqkit
import table
from figures import VALGRIND_LOAD, count_instructions, measure, seconds_of, words
from moqkit import TOP
from shapes import SHAPES

PAGE = os.path.join(TOP, "docs", "performance.md")
RESULTS = os.path.join(TOP, "build", "bench.json")
RUST_VERSION = "the Rust relay 0.6.19"
COMPANYS_SHARE = 0.5  # share of the server's core that Company takes


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def arguments():
    parser = argparse.ArgumentParser(prog="dev/bench", description="Shapes: " + ", ".join(shape.name for shape in SHAPES))
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help="by name; all of them if none is given")
    parser.add_argument("--runs", type=positive, default=5, help="of each side (default 5)")
    parser.add_argument("--seconds", type=positive, default=6, help="of one run, after a warm-up of 2 (default 6)")
    parser.add_argument("--instructions", action="store_true", help="count them with valgrind, too")
    parser.add_argument("--write", action="store_true", help="the table, into docs/performance.md")
    parser.add_argument("--results", default=RESULTS, help="where results are kept from run to run (build/bench.json)")
    parser.add_argument("--page", default=PAGE, help="write the table there instead")
    parser.add_argument("--list", action="store_true", help="say what shapes there are")
    parser.add_argument("--alone", action="store_true", help="leave the Rust relay out")
    parser.add_argument("--rust", metavar="PROGRAM", help="the Rust relay, which dev/bench finds; without it ours runs alone")
    parser.add_argument("--check", action="store_true", help="only say what is wrong with the other arguments")
    chosen = parser.parse_args()
    known = {shape.name: shape for shape in SHAPES}
    for name in chosen.shapes:
        if name not in known:
            parser.error(f"no shape {name}; there are: {', '.join(known)}")
    if chosen.seconds < 2:
        parser.error("a run takes at least 2 seconds: some shapes have something happen in it")
    chosen.shapes = [known[name] for name in chosen.shapes] or SHAPES
    return chosen


def with_time(side, seconds, **more):
    return replace(side, load={"warm-up": "2s", "duration": f"{seconds}s", **side.load, **more})


def sides_of(shape, rust):
    return {name: side for name, side in (("ours", shape.ours), ("other", shape.other)) if side.server != "rust" or rust}


def filling_fps(shape):
    """The frames per second that keep our relay busy for the share `shape.fill` of its core, from the measured cost of a
    viewer-frame at half the rate in the shape."""
    probe = with_time(replace(shape.ours, has_company=False), 2, fps=max(1, shape.ours.load["fps"] // 2))
    cost_us = measure(probe)["cpu_us"]
    has = COMPANYS_SHARE if shape.ours.has_company else 1.0
    return max(1, round(shape.fill * has * 1e6 / (cost_us * shape.ours.load["viewers"])))


def run_shape(shape, chosen):
    sides, result = sides_of(shape, chosen.rust), {"runs": {}, "instructions": {}}
    more = {"fps": filling_fps(shape)} if shape.fill else {}
    result.update(more)
    loaded = [with_time(side, chosen.seconds, **more) for side in sides.values()]
    for _ in range(chosen.runs):
        with ThreadPoolExecutor(len(loaded) if shape.at_once else 1) as pool:
            for name, side, figures in zip(sides, loaded, pool.map(lambda side: measure(side, chosen.rust), loaded)):
                result["runs"].setdefault(name, []).append(figures)
                print(f"{shape.name}, {side.name}: {words(figures)}", flush=True)
    if chosen.instructions and "instructions" in shape.figures:
        for name, side in sides.items():
            few = replace(side, load={**side.load, **VALGRIND_LOAD, **(shape.counted or {})})
            result["instructions"][name] = count_instructions(few, chosen.rust)
            print(f"{shape.name}, {side.name}: {result['instructions'][name]:.0f} instructions", flush=True)
    return result


def commit():
    done = subprocess.run(["git", "-C", TOP, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def main():
    chosen = arguments()
    if chosen.check:
        return
    if chosen.list:
        print("\n".join(f"{shape.name:16} {shape.about}" for shape in SHAPES))
        return
    shapes, results = chosen.shapes, table.load_results(chosen.results)
    for shape in shapes:
        if shape.other.server == "rust" and not chosen.rust and chosen.write:
            sys.exit("bench: the table needs the Rust relay; see dev/peers")
        about = {"machine": table.machine(), "versions": table.versions(), "commit": commit(), "against": RUST_VERSION,
                 "seconds": chosen.seconds}
        results[shape.name] = {**about, **run_shape(shape, chosen)}
        table.save_results(chosen.results, results)
        print("\n".join(table.table([shape], results)), flush=True)
    if chosen.write:
        table.write(chosen.page, SHAPES, results)


if __name__ == "__main__":
    try:
        main()
    except moqkit.Failure as failure:
        sys.exit(f"bench: {failure}")
    finally:
        moqkit._clean_up()
