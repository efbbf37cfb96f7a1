#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Holds our relay against the floor: a bare program of ngtcp2 and wolfSSL that makes the frames itself (floor.h), by turns
on the same core, over raw QUIC. The relay receives the publisher's stream on top of that. Build first."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(here), "kit"), here]

import moqkit
from figures import Load, Measured, our_command, pinned
from moqkit import BIN, Process, check, free_port

FLOOR = os.path.join(BIN, "..", "tests", "bench-floor")
VALGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]


def words_of(options, names):
    return [word for name in names for word in (f"--{name}", str(options[name]))]


class Floor(Measured):
    """Read from outside as a relay is."""

    def __init__(self, options, wrapper=()):
        self.port = free_port()
        command = [FLOOR, "serve", "--port", str(self.port), *words_of(options, ["rate", "size", "group-ms"])]
        Process.__init__(self, pinned(1, [*wrapper, *command, *options["floor"]]))
        self.wait_for("ready", 60, "out")


class FloorLoad(Load):
    def __init__(self, floor, options):
        names = ["viewers", "rate", "size", "group-ms", "warm-up", "seconds"]
        Process.__init__(self, pinned(0, [FLOOR, "view", "--port", str(floor.port), *words_of(options, names)]))


def start(name, options, wrapper=()):
    if name == "floor":
        server = Floor(options, wrapper)
        return server, FloorLoad(server, options)
    server = Measured(our_command, wrapper)
    return server, Load(server, {key: value for key, value in options.items() if key != "floor"}, "moqf")


def delivered(load):
    load.wait(60)
    check(load.out and load.out[-1].startswith("{"), f"the viewers gave up: {load.err[-5:]}")
    figures = json.loads(load.out[-1])
    if figures["generator_cpu"] > 0.9:
        print(f"THE VIEWERS WERE BUSY ({100 * figures['generator_cpu']:.0f} % of their core)", flush=True)
    return max(figures["delivered"], 1)


def cpu_us(name, options):
    """Of a viewer-frame, and the kernel's share of it."""
    server, load = start(name, options)
    load.await_word("measuring", 60)
    cpu, ticks = server.cpu_ns(), server.system_ticks()
    load.await_word("measured", options["seconds"] + 30)
    cpu, ticks_after = server.cpu_ns() - cpu, server.system_ticks()
    frames = delivered(load)
    server.end()
    user, kernel = (after - before for before, after in zip(ticks, ticks_after))
    print(f"{name}: {cpu / 1000 / frames:.1f} us, {100 * kernel / max(user + kernel, 1):.0f} % of it kernel", flush=True)
    return cpu / 1000 / frames


def instructions(name, options):
    """Of a viewer-frame outside the kernel."""
    profile = f"{options['profile']}.{name}" if "profile" in options else "/dev/null"
    options = {key: value for key, value in options.items() if key != "profile"}
    server, load = start(name, options, [*VALGRIND, f"--callgrind-out-file={profile}"])
    for word, state in [("measuring", "on"), ("measured", "off")]:
        load.await_word(word, options["seconds"] + 120)
        subprocess.run(["callgrind_control", "-i", state, str(server.popen.pid)], check=True, capture_output=True)
    frames = delivered(load)
    server.end()
    counted = [int(found.group(1)) for found in (re.search(r"Collected : (\d+)", line) for line in server.err) if found]
    check(counted, f"valgrind has not said what it counted: {server.err[-5:]}")
    print(f"{name}: {counted[-1] / frames:.0f} instructions outside the kernel", flush=True)
    return counted[-1] / frames


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/floor.py", description=__doc__)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--rate", type=int, default=60, help="frames per second")
    parser.add_argument("--size", type=int, default=4096, help="bytes of a frame")
    parser.add_argument("--group-ms", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=10, help="of one run, behind a warm-up of 2")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--instructions", action="store_true", help="count them with valgrind instead of measuring time")
    parser.add_argument("--profile", help="with --instructions: where callgrind's profiles go")
    parser.add_argument("--helper-aead", action="store_true", help="the floor seals packets through wolfSSL's EVP layer")
    chosen = parser.parse_args()
    options = {"viewers": chosen.viewers, "rate": chosen.rate, "size": chosen.size, "group-ms": chosen.group_ms, "warm-up": 2,
               "seconds": chosen.seconds, "floor": ["--helper-aead"] if chosen.helper_aead else []}
    if chosen.profile:
        options["profile"] = chosen.profile
    count = instructions if chosen.instructions else cpu_us
    runs = [(count("floor", options), count("relay", options)) for _ in range(chosen.runs)]
    print(f"median of the ratios, relay to floor: {statistics.median(relay / floor for floor, relay in runs):.2f}")


if __name__ == "__main__":
    try:
        main()
    except moqkit.Failure as failure:
        sys.exit(f"floor: {failure}")
    finally:
        moqkit._clean_up()
