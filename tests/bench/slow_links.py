#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shows what a viewer behind a slow link gets, by its latency and order: the table in docs/relay.md. Each viewer is in a network
namespace of its own, behind `tc tbf`, with a relay of its own; the publisher is beside the viewer, and its direction is not
slowed down. Needs root, and programs that are built."""

import argparse
import ipaddress
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
from moqkit import Process, check, free_port, program, run, scratch

FPS, FRAME_BYTES = 40, 12500  # 4 Mb/s
LATENCIES = ("250ms", "1s", "4s")
NETWORK = ipaddress.ip_network("10.213.0.0/24")


class Namespace:
    """A namespace behind a link of `rate` towards it."""

    def __init__(self, index, rate):
        self.name = f"moq-slow-{os.getpid()}-{index}"
        near, far = f"mqn{os.getpid() % 10000}{index}", f"mqf{os.getpid() % 10000}{index}"
        self.relay_address, inside = (str(NETWORK[4 * index + host]) for host in (1, 2))
        self("ip", "netns", "add", self.name)
        self("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", self.name)
        self("ip", "addr", "add", f"{self.relay_address}/30", "dev", near)
        self("ip", "link", "set", near, "up")
        self("ip", "-n", self.name, "addr", "add", f"{inside}/30", "dev", far)
        self("ip", "-n", self.name, "link", "set", far, "up")
        self("tc", "qdisc", "add", "dev", near, "root", "tbf", "rate", rate, "burst", "10kb", "latency", "50ms")

    def __call__(self, *argv):
        status, _, err = run(argv)
        check(status == 0, f"{' '.join(argv)}: {err}")

    def end(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=False)


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
    namespace = Namespace(index, chosen.rate)
    port = free_port()
    relay = Process([program("moq-relay"), "-q", configuration(order, latency, f"{namespace.relay_address}:{port}")])
    try:
        load = Process(["ip", "netns", "exec", namespace.name, program("moq-bench"), "--json", "--tls-disable-verify", "--viewers", "1",
                        "--size", str(FRAME_BYTES), "--fps", str(FPS), "--group", group, "--duration", f"{chosen.seconds}s",
                        f"moqf://{namespace.relay_address}:{port}/bench"])
        status = load.wait(chosen.seconds + 60)
        check(status in (0, 3) and load.out, f"moq-bench gave up: {load.err[-5:]}")
        return json.loads(load.out[-1])["summary"]
    finally:
        relay.kill()
        namespace.end()


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
    check(os.geteuid() == 0, "namespaces need root")
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
    except moqkit.Failure as failure:
        sys.exit(f"slow_links: {failure}")
    finally:
        moqkit._clean_up()
