# SPDX-License-Identifier: MIT OR Apache-2.0
"""The shapes of work that `dev/bench` measures, by name: what is sent to whom, which two sides are compared, whether in turn or
at once, and the goals for the result."""

import os
from dataclasses import dataclass, field, replace

from moqkit import BIN, TOP

RATIO = "ratio"  # for a goal about the ratio of both sides instead of our own figure


@dataclass(frozen=True)
class Side:
    """A server with its load. `load` holds moq-bench's options; True is an option without a value."""
    name: str
    server: str  # ours, rust or floor
    load: dict
    settings: dict = field(default_factory=dict)  # of our relay: MOQ_RELAY_NAME; of the floor: --NAME
    scheme: str = "https"
    has_company: bool = False  # another process keeps the server's core busy all the time


@dataclass(frozen=True)
class Goal:
    figure: str
    of: str  # RATIO or "ours"
    most: float = None
    least: float = None


@dataclass(frozen=True)
class Shape:
    name: str
    about: str
    ours: Side
    other: Side  # what ours is compared with
    figures: tuple  # names in table.FIGURES
    goals: tuple = ()
    counted: dict = None  # options that differ under valgrind, where a server that is fifty times slower has to keep up
    fill: float = None  # fps is chosen so that our relay needs this share of its core; 1.5 is more than it has
    is_full: bool = False  # the server is meant to use its whole core
    at_once: bool = False  # both sides run at once on the same two cores, so that other work on the machine affects both


def fan_out(viewers, size=4096, fps=60, **more):
    """Up to twenty viewers share a socket of the generator. Trains for all of them would not fit into one socket's buffer."""
    return {"viewers": viewers, "size": size, "fps": fps, "sockets": min(64, max(1, viewers // 20)), **more}


def against_rust(name, about, load, figures=("cpu_us", "p99_ms"), goals=(), **more):
    return Shape(name, about, Side("ours", "ours", load), Side("Rust relay", "rust", load), figures, goals, **more)


def against_floor(name, about, load, figures, goals, settings=None, **more):
    floor = Side("floor", "floor", load, settings or {}, scheme="moqf")
    return Shape(name, about, Side("ours", "ours", load, scheme="moqf"), floor, figures, goals, at_once="as-fast-as-it-goes" not in load, **more)


def beside_rust(name, about, load, figures=("cpu_us",), goals=(), **more):
    """Like against_rust, but both sides run at the same time."""
    return against_rust(name, about, load, figures, goals, at_once=True, **more)


def against_itself(name, about, sides, figures, goals, **more):
    """`sides`: the side that is measured, then the one it is compared with, each as (words, load, settings)."""
    ours, other = (Side(words, "ours", load, settings) for words, load, settings in sides)
    return Shape(name, about, ours, other, figures, goals, at_once=True, **more)


def half_of_rust(counted=True):
    return (Goal("cpu_us", RATIO, most=0.45),) + ((Goal("instructions", RATIO, most=0.5),) if counted else ())


FEW = {"viewers": 16}
CATCHING_UP = {"ramp": "0", "warm-up": "1s"}
DEFAULT = {}
LATE_80_MS = {"POLICY_LATENCY": "80ms"}
# auth decides on each session, and the relay checks each subscription against what it grants; clock and karp have nothing to do
# with the viewers; bench-hooks is asked about each subscription and sees each viewer four times a second.
WITH_MODULES = {"MODULES": '[{auth: {anonymous: {publish: ["**"], subscribe: ["**"]}}}, {clock: {path: demo/clock}}, '
                           f'{{karp: {{http: "127.0.0.1:0"}}}}, {os.path.join(BIN, "../tests/bench-hooks.so")}]'}
# One script is asked about each subscription, the other one looks at each viewer four times a second.
WITH_SCRIPT, WITH_SAMPLE = ({"MODULES": f'[{{lua: {{script: {os.path.join(TOP, "lua/policies", name)}}}}}]'} for name in ("by-query.lua", "patience.lua"))
# Each viewer may be moved between renditions, and nobody is.
WITH_RENDITIONS = {"MODULES": f'[{os.path.join(BIN, "../tests/bench-renditions.so")}]'}

# Both relays have to keep up on one core, and the generator on another, so 1,000 viewers get half the frames.
SHAPES = [
    against_rust("fan-out-1", "1 viewer of 60 x 4 KB", fan_out(1), ("cpu_us", "p99_ms")),
    against_rust("fan-out-50", "50 viewers of 60 x 4 KB", fan_out(50), ("cpu_us", "instructions", "p99_ms", "resident_bytes"),
                 half_of_rust() + (Goal("resident_bytes", "ours", most=64000),), counted=FEW),
    against_rust("fan-out-200", "200 viewers of 60 x 4 KB", fan_out(200), ("cpu_us", "instructions", "p99_ms", "resident_bytes"),
                 half_of_rust() + (Goal("resident_bytes", "ours", most=64000),), counted={"viewers": 64, "fps": 10}),
    against_rust("fan-out-500", "500 viewers of 60 x 4 KB", fan_out(500), ("cpu_us", "p99_ms", "resident_bytes"),
                 half_of_rust(False) + (Goal("resident_bytes", "ours", most=64000),)),
    against_rust("fan-out-1000", "1,000 viewers of 30 x 4 KB", fan_out(1000, fps=30), ("cpu_us", "p99_ms", "resident_bytes"),
                 (Goal("resident_bytes", "ours", most=64000),)),
    beside_rust("beside-100", "100 viewers of 60 x 4 KB", fan_out(100), goals=half_of_rust(False)),
    beside_rust("beside-250", "250 viewers of 60 x 4 KB", fan_out(250), goals=half_of_rust(False)),
    beside_rust("beside-audio", "150 viewers of 50 x 160 B", fan_out(150, 160, 50), goals=half_of_rust(False)),
    beside_rust("beside-big", "8 viewers of 30 x 150 KB", fan_out(8, 150000, 30), ("cpu_us", "packet_us"),
                (Goal("cpu_us", RATIO, most=0.35),)),
    against_rust("many-publishers", "50 publishers with 8 viewers each of 30 x 15 KB",
                 fan_out(400, 15000, 30, publishers=50), ("cpu_us", "packet_us", "p99_ms")),
    against_rust("audio-300", "300 viewers of 50 x 160 B", fan_out(300, 160, 50), ("cpu_us", "instructions", "p99_ms"),
                 half_of_rust(False), counted={"viewers": 48, "fps": 20}),
    against_rust("audio-500", "500 viewers of 50 x 160 B", fan_out(500, 160, 50), ("cpu_us", "p99_ms")),
    against_rust("big", "8 viewers of 30 x 150 KB", fan_out(8, 150000, 30), ("cpu_us", "packet_us", "instructions", "p99_ms"),
                 (Goal("cpu_us", RATIO, most=0.35),), counted={"viewers": 4, "fps": 2}),
    against_rust("chat", "1,000 viewers of 1 x 300 B", fan_out(1000, 300, 1), ("cpu_us", "p99_ms", "resident_bytes")),
    against_rust("flow", "1 viewer, as fast as it goes", fan_out(1, 60000, **{"as-fast-as-it-goes": True}),
                 ("gbps", "gbit_per_cpu_s"), (Goal("gbit_per_cpu_s", RATIO, least=2),), is_full=True),
    against_rust("idle", "1,000 sessions, nothing is sent", fan_out(1000, fps=0), ("resident_bytes", "cores"),
                 (Goal("resident_bytes", "ours", most=48000),)),
    against_rust("join", "500 viewers at once beside 50 of 30 x 4 KB", fan_out(50, fps=30, sockets=32, join="500@1s"),
                 ("joined_ms", "lost", "p99_ms"), (Goal("joined_ms", "ours", most=1500), Goal("lost", "ours", most=0)),
                 is_full=True),
    Shape("half-load", "50 publishers, 400 viewers of 15 KB, our core half full",
          Side("ours", "ours", fan_out(400, 15000, 20, publishers=50)),
          Side("Rust relay", "rust", fan_out(400, 15000, 20, publishers=50)), ("p50_ms", "p99_ms", "cores"),
          (Goal("p50_ms", "ours", most=1), Goal("p99_ms", "ours", most=8)), fill=0.5),
    Shape("overload", "8 publishers, 96 viewers of 15 KB, half as much again as our relay can do; latency 80 ms",
          Side("ours", "ours", fan_out(96, 15000, 30, publishers=8, group="250ms"), LATE_80_MS, has_company=True),
          Side("Rust relay", "rust", fan_out(96, 15000, 30, publishers=8, group="250ms"), has_company=True),
          ("p99_ms", "delivered"), (Goal("p99_ms", "ours", most=100),), fill=1.5, is_full=True),
    against_itself("stalled", "100 viewers of 30 x 4 KB, and 25 that have fallen silent",
                   [("with 25 stalled", fan_out(125, fps=30, stall="25"), DEFAULT), ("without", fan_out(100, fps=30), DEFAULT)],
                   ("cpu_us", "p99_ms"), (Goal("cpu_us", RATIO, most=1.05), Goal("p99_ms", "more", most=1))),
    against_itself("scale", "1,000 viewers of 10 x 4 KB against 50",
                   [("1,000 viewers", fan_out(1000, fps=10), DEFAULT), ("50 viewers", fan_out(50, fps=10), DEFAULT)],
                   ("cpu_us",), (Goal("cpu_us", RATIO, most=1.15),)),
    against_itself("workers", "100 viewers of 30 x 4 KB, `workers: 2` against `workers: 1`, on the same core",
                   [("two workers", fan_out(100, fps=30), {"WORKERS": "2"}),
                    ("one worker", fan_out(100, fps=30), {"WORKERS": "1"})],
                   ("cpu_us", "instructions"), (Goal("cpu_us", RATIO, most=2 / 1.8), Goal("instructions", RATIO, most=2 / 1.8)),
                   counted=FEW),
    against_itself("modules", "50 viewers of 60 x 4 KB, with the modules that ship loaded and asked, against none",
                   [("with modules", fan_out(50), WITH_MODULES), ("without", fan_out(50), DEFAULT)],
                   ("cpu_us", "instructions"), (Goal("instructions", RATIO, most=1.02),), counted=FEW),
    against_itself("script", "50 viewers of 60 x 4 KB, with a script that is asked when they come, against none",
                   [("with a script", fan_out(50), WITH_SCRIPT), ("without", fan_out(50), DEFAULT)],
                   ("cpu_us", "instructions"), (Goal("instructions", RATIO, most=1.01),), counted=FEW),
    against_itself("sample", "50 viewers of 60 x 4 KB, with a script that looks at each four times a second, against none",
                   [("with a script", fan_out(50), WITH_SAMPLE), ("without", fan_out(50), DEFAULT)],
                   ("cpu_us", "instructions"), (), counted=FEW),
    against_itself("renditions", "50 viewers of 60 x 4 KB that may be moved between renditions, against some that may not",
                   [("may be moved", fan_out(50), WITH_RENDITIONS), ("may not", fan_out(50), DEFAULT)],
                   ("cpu_us", "instructions"), (Goal("instructions", RATIO, most=1.1),), counted=FEW),
    against_rust("trickle-rust", "150 viewers of 60 x 4 KB whose acknowledgements trickle in", fan_out(150, spread="5ms"),
                 ("cpu_us", "p99_ms"), half_of_rust(False)),
    Shape("trickle", "150 viewers of 60 x 4 KB whose acknowledgements trickle in, against those that come in bursts",
          Side("trickling", "ours", fan_out(150, spread="5ms")), Side("in bursts", "ours", fan_out(150)),
          ("cpu_us", "p50_ms", "p99_ms"), (Goal("cpu_us", RATIO, most=1.1),)),
    against_floor("floor", "50 viewers of 60 x 4 KB", fan_out(50), ("cpu_us", "instructions"),
                  (Goal("instructions", RATIO, most=1.1),), counted={"viewers": 25}),
    against_floor("floor-big", "8 viewers of 30 x 150 KB", fan_out(8, 150000, 30), ("cpu_us",), ()),
    against_floor("flow-floor", "1 viewer, as fast as it goes; the floor receives as much, too",
                  fan_out(1, 60000, **{"as-fast-as-it-goes": True}), ("gbps", "gbit_per_cpu_s"),
                  (Goal("gbit_per_cpu_s", RATIO, least=0.85),), {"fed": True}, is_full=True),
    against_floor("flow-source", "1 viewer, as fast as it goes; the floor makes the bytes itself",
                  fan_out(1, 60000, **{"as-fast-as-it-goes": True}), ("gbps", "gbit_per_cpu_s"), (), is_full=True),
]


def small(side):
    """A small version of the shape, for a test that does not judge the figures."""
    load = dict(side.load, viewers=min(side.load["viewers"], 4), sockets=1, ramp="0", duration="500ms")
    load["warm-up"] = "300ms"
    if "publishers" in load:
        load["publishers"] = 2
    for name, value in {"join": "3@100ms", "stall": "1"}.items():
        if name in load:
            load[name] = value
    return replace(side, load=load)
