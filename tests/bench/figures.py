# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a relay spends on a viewer-frame: one frame of one track that goes on to one viewer. The generator (load.c) runs on
the first core, the relay on the second; the relay is read from outside, at the moments that the generator names."""

import glob
import json
import os
import re
import subprocess
import urllib.request

from moqkit import BIN, Process, check, free_port, program, wait_until

LOAD = os.path.join(BIN, "..", "tests", "bench-load")
LATENCY_WORDS = {"median_ms": "median latency, ms", "p99_ms": "99th percentile of latency, ms"}
GENERATOR_BUSY = 0.9  # of its core: beyond, the generator may be what is slow


def pinned(index, argv):
    """On one of the cores that we may use."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[index]), *argv] if len(cores) > index else argv


def our_command(port):
    return [program("moq-relay"), "--dev", "--bind", f"[::]:{port}", "-q"]


def rust_command(path):
    return lambda port: [path, "--bind", f"[::]:{port}", "--tls-self-sign", "localhost", "--dev", "--quiet"]


class Measured(Process):
    """A relay on a core of its own, read through /proc, and through /stats where it has that."""

    def __init__(self, command, wrapper=()):
        self.port = free_port()
        super().__init__(pinned(1, [*wrapper, *command(self.port)]))
        wait_until(lambda: self.get("/fingerprint") or not self.is_running(), 60, "the relay does not answer")
        check(self.is_running(), f"the relay has ended: {self.err[-5:]}")

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://localhost:{self.port}{path}", timeout=5) as answer:
                return answer.read().decode()
        except OSError:  # not up yet, or it has no such page
            return ""

    def cpu_ns(self):
        """By the scheduler's own clock, of all threads."""
        return sum(int(open(path).read().split()[0]) for path in glob.glob(f"/proc/{self.popen.pid}/task/*/schedstat"))

    def system_ticks(self):
        fields = open(f"/proc/{self.popen.pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]), int(fields[12])  # user, kernel

    def resident_bytes(self):
        return 1024 * int(re.search(r"VmRSS:\s*(\d+)", open(f"/proc/{self.popen.pid}/status").read()).group(1))

    def trains(self):
        stats = self.get("/stats")
        if not stats:
            return None
        listener = json.loads(stats)["listeners"][0]
        return [listener[name] for name in ("trains_sent", "packets_sent", "datagrams_received")]


class Instructions:
    """Counted by the processor, where perf may ask it (virtual machines often do not let it)."""

    def __init__(self, pid, seconds):
        command = ["perf", "stat", "-x,", "-e", "instructions:u,instructions:k", "-p", str(pid), "--", "sleep", str(seconds)]
        try:
            self.perf = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        except FileNotFoundError:
            self.perf = None

    def counts(self):
        """(user, kernel), or None."""
        if not self.perf:
            return None
        lines = [line.split(",") for line in self.perf.communicate()[1].splitlines()]
        found = {fields[2]: fields[0] for fields in lines if len(fields) > 2 and fields[0].isdigit()}
        return (int(found["instructions:u"]), int(found["instructions:k"])) if len(found) == 2 else None


class Load(Process):
    """The generator, whose words on standard output are awaited one by one."""

    def __init__(self, relay, options, scheme):
        more = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        super().__init__(pinned(0, [LOAD, *more, f"{scheme}://localhost:{relay.port}/bench/video"]))

    def await_word(self, word, seconds):
        self.wait_for(word, seconds, "out")


def measure(command, options, scheme="https"):
    """One run; a dictionary of figures. `command` makes the relay's command line from a port."""
    relay = Measured(command)
    load = Load(relay, options, scheme)
    load.await_word("published", 30)
    resident = relay.resident_bytes()
    load.await_word("measuring", 60)
    cpu, ticks, trains = relay.cpu_ns(), relay.system_ticks(), relay.trains()
    instructions = Instructions(relay.popen.pid, options["seconds"])
    load.await_word("measured", options["seconds"] + 30)
    cpu, ticks_after, trains_after = relay.cpu_ns() - cpu, relay.system_ticks(), relay.trains()
    resident_after = relay.resident_bytes()
    load.wait(30)
    check(load.out and load.out[-1].startswith("{"), f"the generator gave up: {load.err[-5:]}")
    relay.end()

    figures = json.loads(load.out[-1])
    frames = max(figures["delivered"], 1)
    user, kernel = (after - before for before, after in zip(ticks, ticks_after))
    figures["cpu_us"] = cpu / 1000 / frames
    figures["kernel_share"] = kernel / max(user + kernel, 1)
    figures["resident_bytes"] = (resident_after - resident) / options["viewers"]
    counts = instructions.counts()
    figures["instructions"] = sum(counts) / frames if counts else None
    if trains:
        sent, packets, received = (after - before for before, after in zip(trains, trains_after))
        figures["packets_per_train"] = packets / max(sent, 1)
        figures["trains_per_frame"] = sent / frames
        figures["received_per_frame"] = received / frames
    return figures


def count_instructions(command, options, scheme="https"):
    """Instructions of a viewer-frame outside the kernel, counted by valgrind: slow, but whatever else the machine does."""
    relay = Measured(command, ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null"])
    load = Load(relay, options, scheme)

    def switch(state):
        subprocess.run(["callgrind_control", "-i", state, str(relay.popen.pid)], check=True, capture_output=True)

    load.await_word("measuring", 120)
    switch("on")
    load.await_word("measured", options["seconds"] + 120)
    switch("off")
    load.wait(60)
    check(load.out and load.out[-1].startswith("{"), f"the generator gave up: {load.err[-5:]}")
    relay.end()
    counted = [re.search(r"Collected : (\d+)", line) for line in relay.err]
    counted = [int(found.group(1)) for found in counted if found]
    check(counted, f"valgrind has not said what it counted: {relay.err[-5:]}")
    return counted[-1] / max(json.loads(load.out[-1])["delivered"], 1)


def words(figures):
    """One line of them, for people."""
    parts = [f"{figures['cpu_us']:.1f} us ({100 * figures['kernel_share']:.0f} % of it kernel)"]
    if figures["instructions"]:
        parts.append(f"{figures['instructions'] / 1000:.1f} k instructions")
    parts.append(f"{figures['resident_bytes'] / 1000:.0f} KB per viewer")
    parts.append(f"{figures['delivered']} delivered, {figures['lost']} lost, {figures['broken']} broken")
    parts.append(f"latency {figures['median_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms")
    if "packets_per_train" in figures:
        parts.append(f"{figures['trains_per_frame']:.2f} trains of {figures['packets_per_train']:.2f} packets sent, "
                     f"{figures['received_per_frame']:.2f} datagrams received per viewer-frame")
    if figures["generator_cpu"] > GENERATOR_BUSY:
        parts.append(f"THE GENERATOR WAS BUSY ({100 * figures['generator_cpu']:.0f} % of its core)")
    return "; ".join(parts)
