# SPDX-License-Identifier: MIT OR Apache-2.0
"""One measurement: a server (our relay, the Rust relay or the floor) on the second core, its load on the first. moq-bench makes
the load, checks every frame, and reads what the server uses; this file counts instructions."""

import glob
import json
import os
import re
import subprocess
import sys
import urllib.request

from moqkit import BIN, Process, check, free_port, program, wait_until

FLOOR = os.path.join(BIN, "..", "tests", "bench-floor")
VALGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
VALGRIND_LOAD = {"duration": "6s", "warm-up": "2s", "patience": "300s", "sockets": 1}
FULL = 0.93  # of a core: beyond, a server was what limited


def pinned(index, argv):
    """The command, pinned to one of the cores that we may use."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[index]), *argv] if len(cores) > index else argv


def server_command(side, port, rust):
    if side.server == "floor":
        words = floor_words(side.load, "rate", "size", "group-ms")
        return [FLOOR, "serve", "--port", str(port), *words, *(f"--{name}" for name in side.settings)]
    if side.server == "rust":
        return [rust, "--bind", f"[::]:{port}", "--tls-self-sign", "localhost", "--dev", "--quiet"]
    return [program("moq-relay"), "--dev", "--bind", f"[::]:{port}", "-q"]


def bench_words(load):
    return [word for name, value in load.items() for word in ([f"--{name}"] if value is True else [f"--{name}", str(value)])]


def floor_words(load, *names):
    """Converts options of moq-bench to those of the floor."""
    values = {"rate": 0 if "as-fast-as-it-goes" in load else load["fps"], "size": load["size"], "viewers": load["viewers"],
              "group-ms": ms_of(load.get("group", "2s")), "seconds": seconds_of(load["duration"]),
              "warm-up": seconds_of(load["warm-up"])}
    return [word for name in names for word in (f"--{name}", str(values[name]))]


def ms_of(text):
    number, unit = re.fullmatch(r"([\d.]+)(ms|s)", text).groups()
    return round(float(number) * (1 if unit == "ms" else 1000))


def seconds_of(text):
    return max(1, round(ms_of(text) / 1000))


class Server(Process):
    def __init__(self, side, rust=None, wrapper=()):
        self.side, self.port = side, free_port()
        settings = {f"MOQ_RELAY_{name}": str(value) for name, value in {"WORKERS": "1", **side.settings}.items()}
        super().__init__(pinned(1, [*wrapper, *server_command(side, self.port, rust)]), env=settings)
        if side.server == "floor":
            self.wait_for("ready", 60, "out")
            return
        wait_until(lambda: self.get("/fingerprint") or not self.is_running(), 60, "the relay does not answer")
        check(self.is_running(), f"the relay has ended: {self.err[-5:]}")

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://localhost:{self.port}{path}", timeout=5) as answer:
                return answer.read().decode()
        except OSError:  # not up yet, or it has no such page
            return ""

    def cpu_ns(self):
        """CPU time of all threads, by the scheduler's clock."""
        return sum(int(open(path).read().split()[0]) for path in glob.glob(f"/proc/{self.popen.pid}/task/*/schedstat"))

    def trains(self):
        """Trains sent, packets sent and datagrams received so far; None if the server does not say."""
        stats = self.get("/stats") if self.side.server == "ours" else ""
        if not stats:
            return None
        listener = json.loads(stats)["listeners"][0]
        return [listener[name] for name in ("trains_sent", "packets_sent", "datagrams_received")]

    def counted(self):
        """The number of instructions that valgrind has printed at the end."""
        found = [re.search(r"Collected : (\d+)", line) for line in self.err]
        counts = [int(match.group(1)) for match in found if match]
        check(counts, f"valgrind has not said what it counted: {self.err[-5:]}")
        return counts[-1]


class Load(Process):
    """The load generator. Its messages on standard output are awaited one by one."""

    def __init__(self, server):
        side = server.side
        self.is_floor = side.server == "floor"
        super().__init__(pinned(0, self.command(side, server)))

    def command(self, side, server):
        if self.is_floor:
            words = floor_words(side.load, "viewers", "rate", "size", "group-ms", "warm-up", "seconds")
            return [FLOOR, "view", "--port", str(server.port), *words, *(f"--{name}" for name in side.settings)]
        return [program("moq-bench"), "--json", "--tls-disable-verify", "--pid", str(server.popen.pid), *bench_words(side.load),
                f"{side.scheme}://localhost:{server.port}/bench"]

    def await_word(self, word, seconds):
        self.wait_for(word if self.is_floor else f'"event":"{word}"', seconds, "out")

    def summary(self):
        status = self.wait(60)
        check(status in (0, 3) and self.out and self.out[-1].startswith("{"), f"the generator gave up: {self.err[-5:]}")
        last = json.loads(self.out[-1])
        return last if self.is_floor else last["summary"]


class Company(Process):
    """Keeps the server's core busy, so that the server gets half of it and the generator can give it more than it can do."""

    def __init__(self):
        super().__init__(pinned(1, [sys.executable, "-c", "while True: pass"]))


class Counters:
    """Counters of the processor, if perf may read them, which most virtual machines do not allow."""

    def __init__(self, pid, seconds):
        command = ["perf", "stat", "-x,", "-e", "instructions,cycles", "-p", str(pid), "--", "sleep", str(seconds)]
        try:
            self.perf = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        except FileNotFoundError:
            self.perf = None

    def figures(self, frames):
        counts = counters_of(self.perf.communicate()[1]) if self.perf else {}
        return {name: count / frames for name, count in counts.items()} if frames else {}


def counters_of(text):
    """Parses the output of `perf stat -x,`. The result is empty if perf may not count."""
    names = {"instructions": "all_instructions", "cycles": "cycles"}
    rows = [line.split(",") for line in text.splitlines()]
    counts = {names[row[2].split(":")[0]]: int(row[0]) for row in rows
              if len(row) > 2 and row[0].isdigit() and row[2].split(":")[0] in names}
    return counts if len(counts) == len(names) else {}


def measure(side, rust=None):
    """Makes one run. Returns a dictionary of figures (table.FIGURES), without those that are not known."""
    server = Server(side, rust)
    load = Load(server)
    company = Company() if side.has_company else None
    load.await_word("measuring", 120)
    cpu_ns, trains = server.cpu_ns(), server.trains()
    counters = Counters(server.popen.pid, seconds_of(side.load["duration"]))
    load.await_word("measured", seconds_of(side.load["duration"]) + 60)
    cpu_ns, trains_after = server.cpu_ns() - cpu_ns, server.trains()
    if company:
        company.kill()
    summary = load.summary()
    server.end()
    figures = floor_figures(summary, cpu_ns) if side.server == "floor" else bench_figures(summary)
    figures.update(counters.figures(figures["frames"]))
    if trains and figures["frames"]:
        sent, packets, received = (after - before for before, after in zip(trains, trains_after))
        figures.update(packets_per_train=packets / max(sent, 1), trains_per_frame=sent / figures["frames"],
                       received_per_frame=received / figures["frames"])
    return figures


def floor_figures(summary, cpu_ns):
    frames = max(summary["delivered"], 1)
    return {"cpu_us": cpu_ns / 1000 / frames, "frames": frames, "cores": cpu_ns / 1e9 / summary["seconds"],
            "gbps": 8e-9 * summary["bytes"] / summary["seconds"], "gbit_per_cpu_s": 8 * summary["bytes"] / cpu_ns,
            "reason": "generator limited" if summary["generator_cpu"] > 0.9 else None}


def bench_figures(summary):
    cost, viewers = summary["cost"], summary["viewers"]
    ordinary = viewers["ordinary"]
    figures = {
        "frames": summary["viewer_frames"], "broken": sum(kind["broken"] for kind in viewers.values()),
        "lost": ordinary["lost"], "cores": cost["cpu_cores"], "kernel_share": cost["kernel_share"],
        "resident_bytes": cost["resident_bytes_per_viewer"], "reason": summary.get("reason"),
        "dropped": summary["relay"].get("datagrams_dropped"),
    }
    if figures["frames"]:
        figures.update(
            cpu_us=cost["cpu_us_per_viewer_frame"], packet_us=cost["cpu_us_per_packet"],
            p50_ms=ordinary["latency"]["p50_ms"], p99_ms=ordinary["latency"]["p99_ms"],
            delivered=ordinary["frames"] / max(ordinary["frames"] + ordinary["lost"], 1),
            gbps=8e-9 * summary["viewer_bytes"] / summary["seconds"], gbit_per_cpu_s=1 / cost["cpu_cores_per_gbps"])
    if "joined" in viewers and viewers["joined"]["arrived"]:
        joined = viewers["joined"]
        figures["joined_ms"] = joined["connect"]["max_ms"] + joined["first_frame"]["max_ms"]
        figures["joined"] = joined["arrived"]
    return figures


def count_instructions(side, rust=None, profile="/dev/null"):
    """Instructions per viewer-frame outside the kernel, counted by valgrind, which is slow but does not depend on what else the
    machine does. `profile`: the file for callgrind's output."""
    server = Server(side, rust, [*VALGRIND, f"--callgrind-out-file={profile}"])
    load = Load(server)
    for word, state in [("measuring", "on"), ("measured", "off")]:
        load.await_word(word, 400)
        subprocess.run(["callgrind_control", "-i", state, str(server.popen.pid)], check=True, capture_output=True)
    summary = load.summary()
    server.end(seconds=60)
    return server.counted() / max(summary.get("viewer_frames", summary.get("delivered")), 1)


def words(figures):
    """The figures in one line of text."""
    parts = [f"{figures['frames']} viewer-frames", f"{100 * figures['cores']:.0f} % of a core"]
    if "cpu_us" in figures:
        parts.append(f"{figures['cpu_us']:.1f} us each")
    if figures.get("kernel_share"):
        parts.append(f"{100 * figures['kernel_share']:.0f} % of it kernel")
    if "p50_ms" in figures:
        parts.append(f"latency {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms; {figures['lost']} lost")
    if figures.get("resident_bytes"):
        parts.append(f"{figures['resident_bytes'] / 1000:.0f} KB per viewer")
    if "packets_per_train" in figures:
        parts.append(f"{figures['trains_per_frame']:.2f} trains of {figures['packets_per_train']:.2f} packets sent, "
                     f"{figures['received_per_frame']:.2f} datagrams received per viewer-frame")
    if "joined_ms" in figures:
        parts.append(f"{figures['joined']} joined within {figures['joined_ms']:.0f} ms")
    if figures.get("dropped"):
        parts.append(f"the relay's sockets dropped {figures['dropped']} datagrams")
    if figures["reason"]:
        parts.append(f"NOT VALID: {figures['reason']}")
    return "; ".join(parts)
