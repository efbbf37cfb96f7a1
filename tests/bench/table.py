# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes results as a table into a page, between two marks: medians, the ratio of each pair of runs, and the goals."""

import json
import os
import platform
import re
import statistics
import subprocess

from figures import FULL, bench_words
from moqkit import TOP, program
from shapes import RATIO

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
FIGURES = {  # name: (words, how a value is written)
    "cpu_us": ("CPU per viewer-frame", lambda value: f"{value:.1f} us"),
    "packet_us": ("CPU per packet", lambda value: f"{value:.2f} us"),
    "instructions": ("instructions per viewer-frame", lambda value: f"{value / 1000:.1f} k"),
    "all_instructions": ("instructions per viewer-frame, with the kernel's", lambda value: f"{value / 1000:.1f} k"),
    "cycles": ("cycles per viewer-frame", lambda value: f"{value / 1000:.1f} k"),
    "p50_ms": ("median latency", lambda value: f"{value:.1f} ms"),
    "p99_ms": ("p99 latency", lambda value: f"{value:.1f} ms"),
    "resident_bytes": ("memory per viewer", lambda value: f"{value / 1000:.1f} KB"),
    "gbps": ("as it went", lambda value: f"{value:.2f} Gb/s"),
    "gbit_per_cpu_s": ("per second of CPU", lambda value: f"{value:.2f} Gb"),
    "cores": ("CPU in all", lambda value: f"{100 * value:.1f} %"),
    "joined_ms": ("all have their first frame within", lambda value: f"{value:.0f} ms"),
    "lost": ("frames lost by those who were there", lambda value: f"{value:.0f}"),
    "delivered": ("delivered", lambda value: f"{100 * value:.1f} %"),
}
COUNTED_ONCE = {"instructions"}
COUNTERS = ("all_instructions", "cycles")  # shown where the processor has them


def values_of(result, side, figure):
    if figure in COUNTED_ONCE:
        value = result.get("instructions", {}).get(side)
        return [] if value is None else [value]
    return [run[figure] for run in result["runs"].get(side, []) if run.get(figure) is not None]


def ratios_of(result, figure):
    """The ratios of the two sides, for each pair of runs."""
    pairs = zip(values_of(result, "ours", figure), values_of(result, "other", figure))
    return [ours / other for ours, other in pairs if other]


def remarks(shape, result, side):
    """Why the figures of a side are limited. The remarks are printed in the row itself, after the value."""
    runs, said = result["runs"].get(side, []), []
    reasons = [re.sub(r":.*", "", run["reason"]) for run in runs if run.get("reason")]
    said += [f"{reason} in {reasons.count(reason)} of {len(runs)} runs" for reason in dict.fromkeys(reasons)]
    cores = [run["cores"] for run in runs]
    if shape.at_once and len(result["runs"]) == 2:
        cores = [sum(run["cores"] for run in pair) for pair in zip(*result["runs"].values())]
    if cores and not shape.is_full and statistics.median(cores) > FULL:
        said.append("the core was full" if shape.at_once else "its core was full")
    delivered = [run["delivered"] for run in runs if "delivered" in run]
    if delivered and "delivered" not in shape.figures and statistics.median(delivered) < 0.999:
        said.append(f"{100 * statistics.median(delivered):.1f} % delivered")
    return said


def cell(values, figure):
    return FIGURES[figure][1](statistics.median(values)) if values else "not known"


def spread(values):
    if not values:
        return ""
    middle = f"{statistics.median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f} to {max(values):.2f})"


def goal_value(result, goal):
    """The value that a goal is about; None if it is not known."""
    ours, other = (values_of(result, side, goal.figure) for side in ("ours", "other"))
    if goal.of == RATIO:
        ratios = ratios_of(result, goal.figure)
        return statistics.median(ratios) if ratios else None
    if goal.of == "more":
        more = [mine - theirs for mine, theirs in zip(ours, other)]
        return statistics.median(more) if more else None
    return statistics.median(ours) if ours else None


def is_met(goal, value):
    return (goal.most is None or value <= goal.most) and (goal.least is None or value >= goal.least)


def goal_words(result, goal):
    limit = goal.most if goal.most is not None else goal.least
    wanted = f"{limit:.2f}".rstrip("0").rstrip(".") if goal.of == RATIO else FIGURES[goal.figure][1](limit)
    sign = "at most" if goal.most is not None else "at least"
    more = " more" if goal.of == "more" else ""
    value = goal_value(result, goal)
    verdict = "not known" if value is None else "met" if is_met(goal, value) else "**not met**"
    return f"{sign} {wanted}{more}: {verdict}"


def rows_of(shape, result):
    first = f"`{shape.name}`: {shape.about}"
    if result.get("fps"):
        first += f" ({result['fps']} frames per second)"
    if shape.at_once:
        first += ", both at once"
    notes = {side: remarks(shape, result, side) for side in ("ours", "other")}
    counters = [figure for figure in COUNTERS if values_of(result, "ours", figure)]
    for figure in (*shape.figures, *counters):
        ours, other = (values_of(result, side, figure) for side in ("ours", "other"))
        goals = [goal_words(result, goal) for goal in shape.goals if goal.figure == figure]
        cells = [", ".join([cell(values, figure), *(notes[side] if figure not in COUNTED_ONCE else [])])
                 for side, values in (("ours", ours), ("other", other))]
        yield [first, FIGURES[figure][0], cells[0], f"{shape.other.name}: {cells[1]}" if other or cells[1] != "not known" else "",
               spread(ratios_of(result, figure)), ", ".join(goals)]
        first = ""


def table(shapes, results):
    lines = ["| what | figure | ours | against | ratio | wanted |", "|---|---|---|---|---|---|"]
    for shape in shapes:
        if shape.name in results:
            lines += ["| " + " | ".join(row) + " |" for row in rows_of(shape, results[shape.name])]
    return [re.sub(r" +\|", " |", line) for line in lines]


def machine():
    """Describes the processor, its cores and the kernel."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    model = found.group(1) if found else platform.machine()
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}"


def versions():
    """Describes our relay, the libraries below it, and the compiler."""
    folder = first_line([os.path.join(TOP, "dev", "deps")], -1)
    library = {"PKG_CONFIG_PATH": os.path.join(folder, "lib", "pkgconfig")}
    return ", ".join([first_line([program("moq-relay"), "--version"]),
                      "ngtcp2 " + first_line(["pkg-config", "--modversion", "libngtcp2"], **library),
                      "wolfSSL " + first_line(["pkg-config", "--modversion", "wolfssl"], **library),
                      first_line(["cc", "--version"])])


def first_line(argv, index=0, **environment):
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    lines = done.stdout.split("\n")[:-1]
    return lines[index].strip() if lines else "unknown"


def options_of(shape, result):
    """The options of moq-bench, only once if both sides have the same."""
    sides = {side.name: " ".join(bench_words({**side.load, **({"fps": result["fps"]} if result.get("fps") else {})}))
             for side in (shape.ours, shape.other)}
    if len(set(sides.values())) == 1:
        return f"- `{shape.name}`: `{sides[shape.ours.name]}`"
    return f"- `{shape.name}`: " + "; ".join(f"{name}: `{text}`" for name, text in sides.items())


def one_or_many(results, name):
    return ", ".join(sorted({str(result[name]) for result in results.values()}))


def page_part(shapes, results):
    """The text between the marks."""
    runs = sorted({len(result["runs"]["ours"]) for result in results.values()})
    span = f"{runs[0]}" if runs[0] == runs[-1] else f"{runs[0]} to {runs[-1]}"
    about = (f"On {one_or_many(results, 'machine')}; {one_or_many(results, 'versions')}; commit {one_or_many(results, 'commit')}, against "
             f"{one_or_many(results, 'against')}; server and generator on a core of their own, `workers: 1`; "
             f"{span} runs of each side, by turns if not at once, {one_or_many(results, 'seconds')} s each. Values are medians, the ratio is the "
             "median of those of the pairs, with the lowest and the highest. Instructions are those outside the kernel, counted "
             "once by valgrind, with fewer viewers or frames.")
    options = [options_of(shape, results[shape.name]) for shape in shapes if shape.name in results]
    return "\n".join([BEGIN, about, "", *table(shapes, results), "", "What `moq-bench` was told, beside warm-up and duration:", "",
                      *options, END])


def write(path, shapes, results):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no marks {BEGIN} and {END}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + page_part(shapes, results) + after)


def load_results(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def save_results(path, results):
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    os.replace(part, path)
