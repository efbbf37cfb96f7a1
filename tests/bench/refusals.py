#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What clients with bad tokens cost those who watch: latency of viewers without such clients and beside so many per second, by
turns. All of them share the machine's cores. Build first: dev/build release all."""

import argparse
import glob
import json
import os
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(here), "kit"), here]

import moqkit
from authkit import Key, relay_with_auth, with_claims
from figures import bench_words
from moqkit import BIN, Process, check, program, scratch

TURN_S = 0.005


class Knocking:
    """Clients that come with `token`, `rate` per second, each of them once."""

    def __init__(self, relay, token, rate):
        self.url, self.rate, self.is_over = relay.url(f"/?jwt={token}"), rate, False
        self.clients = subprocess.Popen([os.path.join(BIN, "..", "tests", "moq-probe")], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.thread = threading.Thread(target=self.knock)
        self.thread.start()

    def knock(self):
        began, sent = time.monotonic(), 0
        while not self.is_over:
            due = int((time.monotonic() - began) * self.rate)
            self.clients.stdin.write("".join(f"{i} any connect - {self.url}\n" for i in range(sent, due)).encode())
            self.clients.stdin.flush()
            sent = due
            time.sleep(TURN_S)

    def end(self):
        self.is_over = True
        self.thread.join()
        self.clients.stdin.close()
        self.clients.wait()


def cpu_ns(relay):
    return sum(int(open(path).read().split()[0]) for path in glob.glob(f"/proc/{relay.popen.pid}/task/*/schedstat"))


def refused(relay):
    return sum(count for name, count in relay.stats()["modules"]["auth"].items() if name.startswith("denied_"))


def measure(chosen, rate):
    """One run. Returns the figures of the viewers, how many clients were refused per second, and what each of them cost."""
    key = Key("refusals", "a", chosen.algorithm)
    good = key.sign("--publish", "", "--subscribe", "")
    file = scratch("good.token")
    with open(file, "w") as out:
        out.write(good)
    relay = relay_with_auth("refusals", f"{{ keys: {key.public} }}", workers=chosen.workers)
    load = {"viewers": chosen.viewers, "fps": 30, "size": 4096, "duration": f"{chosen.seconds}s", "warm-up": "1s", "token-file": file}
    bench = Process([program("moq-bench"), "--json", "--tls-disable-verify", *bench_words(load), relay.url("/bench")])
    bench.wait_for('"event":"measuring"', 60, "out")
    knocking = Knocking(relay, with_claims(good, get=["", "x"]), rate) if rate else None
    began, cpu, count = time.monotonic(), cpu_ns(relay), refused(relay)
    bench.wait_for('"event":"measured"', chosen.seconds + 60, "out")
    seconds, cpu, count = time.monotonic() - began, cpu_ns(relay) - cpu, refused(relay) - count
    if knocking:
        knocking.end()
    check(bench.wait(60) == 0, f"moq-bench: {bench.err[-5:]}")
    viewers = json.loads(bench.out[-1])["summary"]["viewers"]["ordinary"]
    relay.end()
    return {**viewers["latency"], "lost": viewers["lost"], "rate": count / seconds, "cpu_us": cpu / 1000 / max(count, 1)}


def words(figures):
    text = f"latency {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f}, at most {figures['max_ms']:.1f}; {figures['lost']} lost"
    if figures["rate"]:
        text += f"; {figures['rate']:.0f} refused per second, {figures['cpu_us']:.0f} us of CPU each, with the share of the viewers"
    return text


def parse(argv):
    parser = argparse.ArgumentParser(prog="tests/bench/refusals.py", description=__doc__)
    parser.add_argument("--rate", type=int, default=1000, help="clients per second")
    parser.add_argument("--viewers", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--algorithm", default="ES256", help="of the key that bad tokens are checked with")
    parser.add_argument("--seconds", type=int, default=10, help="of one run")
    parser.add_argument("--runs", type=int, default=4)
    return parser.parse_args(argv)


def main():
    chosen = parse(sys.argv[1:])
    for _ in range(chosen.runs):
        for rate in (0, chosen.rate):
            print(f"{rate} per second: {words(measure(chosen, rate))}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except moqkit.Failure as failure:
        sys.exit(f"refusals: {failure}")
    finally:
        moqkit._clean_up()
