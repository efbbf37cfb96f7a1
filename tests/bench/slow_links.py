#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shows what a viewer behind a slow link gets, by its latency and order: the table in docs/relay.md. Each viewer is in a network
namespace of its own, behind `tc tbf`, with a relay of its own; the publisher is beside the viewer, and its direction is not
slowed down. Needs root, and programs that are built."""

import argparse
import itertools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(here), "kit"), here]

import moqkit
from figures import ms_of
from linkkit import Link
from moqkit import Process, Skipped, check, free_port, program, scratch

FPS, FRAME_BYTES = 40, 12500  # 4 Mb/s
LATENCIES = ("250ms", "1s", "4s")


def configuration(order, latency, address):
    """Players say which order they like. A script decides over them."""
    folder = scratch(f"slow-{address}")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "policy.lua"), "w") as script:
        answer = f'{{ order = "{order}", latency = {ms_of(latency)} }}'
        script.write(f'local relay = require "relay"\nrelay.on("subscribe", function() return {answer} end)\n')
    with open(os.path.join(folder, "relay.yaml"), "w") as settings:
        settings.write(f'listen: [{{ address: "{address}", self_signed: [localhost] }}]\nworkers: 1\n'
                       f'modules: [{{ lua: {{ script: {folder}/policy.lua }} }}]\n')
    return os.path.join(folder, "relay.yaml")


def measured(index, order, group, latency, chosen):
    link = Link(chosen.rate, index)
    port = free_port()
    relay = Process([program("moq-relay"), "-q", configuration(order, latency, f"{link.address}:{port}")])
    try:
        load = Process(link.inside([program("moq-bench"), "--json", "--tls-disable-verify", "--viewers", "1",
                                    "--size", str(FRAME_BYTES), "--fps", str(FPS), "--group", group, "--duration", f"{chosen.seconds}s",
                                    f"moqf://{link.address}:{port}/bench"]))
        status = load.wait(chosen.seconds + 60)
        check(status in (0, 3) and load.out, f"moq-bench gave up: {load.err[-5:]}")
        return json.loads(load.out[-1])["summary"]
    finally:
        relay.kill()
        link.end()


def row_of(order, group, latency, summary):
    viewer, published = summary["viewers"]["ordinary"], summary["published"]
    torn = viewer["groups_reset"] + viewer["groups_short"]
    delay = viewer["latency"]
    return (f"| {order} | {group} | {latency} | {100 * viewer['frames'] / published['frames']:.0f} % | {delay['p50_ms']:.0f} ms | "
            f"{delay['p99_ms']:.0f} ms | {viewer['groups']} | {torn} | {published['groups']} |")


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/slow_links.py", description=__doc__)
    parser.add_argument("--rate", default="2mbit", help="of each link, as tc writes it; the broadcast has 4 Mb/s")
    parser.add_argument("--seconds", type=int, default=30, help="of one run, after a warm-up of 2")
    chosen = parser.parse_args()
    print("| order | groups of | latency | frames | p50 | p99 | groups whole | cut | of |\n|---|---|---|---|---|---|---|---|---|", flush=True)
    numbers = itertools.count()
    for order in ("oldest", "newest"):
        for group in ("250ms", "1s"):
            with ThreadPoolExecutor(len(LATENCIES)) as pool:
                runs = [pool.submit(measured, next(numbers), order, group, latency, chosen) for latency in LATENCIES]
                for latency, one in zip(LATENCIES, runs):
                    print(row_of(order, group, latency, one.result()), flush=True)


if __name__ == "__main__":
    try:
        main()
    except (moqkit.Failure, Skipped) as failure:
        sys.exit(f"slow_links: {failure}")
    finally:
        moqkit._clean_up()
