# SPDX-License-Identifier: MIT OR Apache-2.0
"""Our relay and the Rust one by turns, so that what else the machine does meets both; `dev/bench` runs it."""

import argparse
import os
import statistics
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(here), "kit"), here]

import moqkit
from figures import LATENCY_WORDS, count_instructions, measure, our_command, rust_command, words

VALGRIND_VIEWERS, VALGRIND_SECONDS = 8, 6  # what a relay fifty times slower still keeps up with


def arguments():
    parser = argparse.ArgumentParser(prog="dev/bench", description=__doc__)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--rate", type=int, default=60, help="frames per second")
    parser.add_argument("--size", type=int, default=4096, help="bytes of a frame")
    parser.add_argument("--group-ms", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=10, help="of one run, behind a warm-up of 2")
    parser.add_argument("--runs", type=int, default=3, help="of each relay")
    parser.add_argument("--scheme", choices=["https", "moqf"], default="https", help="WebTransport or raw QUIC")
    parser.add_argument("--instructions", action="store_true", help="count instructions with valgrind, too")
    parser.add_argument("--rust", metavar="PROGRAM", help="the Rust relay; without it ours runs alone")
    return parser.parse_args()


def options_of(arguments):
    return {"viewers": arguments.viewers, "rate": arguments.rate, "size": arguments.size, "group-ms": arguments.group_ms,
            "warm-up": 2, "seconds": arguments.seconds}


def median(runs, name):
    values = [run[name] for run in runs if run.get(name) is not None]
    return statistics.median(values) if values else None


def print_medians(results):
    names = {"cpu_us": "us of CPU per viewer-frame", "instructions": "instructions per viewer-frame",
             "resident_bytes": "resident bytes per viewer", **LATENCY_WORDS}
    for name, meaning in names.items():
        values = {relay: median(runs, name) for relay, runs in results.items()}
        if None in values.values():
            continue
        shown = ", ".join(f"{relay} {value:.1f}" for relay, value in values.items())
        ratio = f"; ratio {values['ours'] / values['rust']:.2f}" if values.get("rust") else ""
        print(f"{meaning}: {shown}{ratio}")


def main():
    chosen = arguments()
    options = options_of(chosen)
    relays = {"ours": our_command}
    if chosen.rust:
        relays["rust"] = rust_command(chosen.rust)
    print(f"{chosen.viewers} viewers, {chosen.rate} frames of {chosen.size} bytes per second, {chosen.scheme}, {chosen.seconds} s", flush=True)
    results = {relay: [] for relay in relays}
    for _ in range(chosen.runs):
        for relay, command in relays.items():
            results[relay].append(measure(command, options, chosen.scheme))
            print(f"{relay}: {words(results[relay][-1])}", flush=True)
    print("medians")
    print_medians(results)
    if median(results["ours"], "instructions") is None:
        print("instructions were not counted: perf has no counter here" + ("" if chosen.instructions else " (--instructions takes valgrind)"))
    if chosen.instructions:
        few = dict(options, viewers=VALGRIND_VIEWERS, seconds=VALGRIND_SECONDS)
        counts = {relay: count_instructions(command, few, chosen.scheme) for relay, command in relays.items()}
        ratio = f"; ratio {counts['ours'] / counts['rust']:.2f}" if "rust" in counts else ""
        print(f"instructions outside the kernel, with {VALGRIND_VIEWERS} viewers: "
              + ", ".join(f"{relay} {count:.0f}" for relay, count in counts.items()) + ratio)


if __name__ == "__main__":
    try:
        main()
    except moqkit.Failure as failure:
        sys.exit(f"bench: {failure}")
    finally:
        moqkit._clean_up()
