# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the files of tests for one browser, three at a time, because most of them wait for media most of the time.

A file is test_NAME.py, with a list TESTS of what runs in Chromium and a list FIREFOX of what runs in Firefox; or NAME.mjs, a program
that Node.js runs. It prints a line per test that begins with ok, or with FAILED or `not ok`. ARGUMENTS says how it is called, with the
browser's path for BROWSER, the folder of our programs for PROGRAMS and, for RELAY, the URL of a relay of its own."""

import glob
import importlib.util
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import browserkit
import moqkit

FOLDER = os.path.dirname(browserkit.HERE)
AT_A_TIME = 3
# They listen to sound or take times, so they run one after the other: two of them would spoil each other's figures.
IN_TURN = ("audio", "player", "test_plays", "test_latency")
# The group that has them in Chromium; all others are in `browser`.
PAGES = {"publish", "test_errors", "test_harm", "test_hostile", "test_publish", "test_secure", "test_transfork", "test_uplink"}
GROUP = os.environ.get("MOQ_BROWSER_GROUP", "browser")
# They take minutes, or measure what a busy machine spoils: `tests/browser/run --file NAME` runs them.
ON_DEMAND = {"chromium": {"test_measuring", "test_uplink"}, "firefox": {"test_latency"}}
NOTHING_RUN = 77
ARGUMENTS = {"audio": ["BROWSER"], "element": ["--chromium", "BROWSER"], "player": ["BROWSER", "PROGRAMS"], "publish": ["--KIND", "BROWSER"]}
ARGUMENTS_OF_OTHERS = ["--relay", "RELAY", "--chromium", "BROWSER"]
PROGRAMS_FOR_FIREFOX = {"publish"}


def run_here(name, words):
    spec = importlib.util.spec_from_file_location(name, os.path.join(FOLDER, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except moqkit.Skipped as why:
        print(f"  skipped  {name}: {why}\n0 passed, 0 failed, 1 skipped")
        sys.exit(NOTHING_RUN)
    sys.argv[1:] = words
    moqkit.main(module.TESTS if browserkit.KIND == "chromium" else getattr(module, "FIREFOX", []))


def run_apart(name, words):
    """The output of a file's tests, and how many passed, failed and were skipped."""
    scratch = os.environ.get("MOQ_SCRATCH")  # else each file makes a folder of its own
    places = {"MOQ_SCRATCH": os.path.join(scratch, name)} if scratch else {}
    done = subprocess.run([sys.executable, os.path.abspath(sys.argv[0]), "--file", name, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **places})
    lines = done.stdout.rstrip("\n").split("\n")
    counts = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", lines[-1])
    if not counts or done.returncode not in (0, 1, NOTHING_RUN):
        return done.stdout + f"{name} broke off with status {done.returncode}", (0, 1, 0)
    return "\n".join(lines[:-1]), tuple(map(int, counts.groups()))


def run_program(name, words):
    """The same of a program for Node.js."""
    began, wanted = time.monotonic(), ARGUMENTS.get(name, ARGUMENTS_OF_OTHERS)
    relay = moqkit.Relay() if "RELAY" in wanted else None
    kind = browserkit.KIND
    given = {"--KIND": f"--{kind}", "BROWSER": browserkit.executable(kind), "PROGRAMS": moqkit.BIN, "RELAY": relay.url() if relay else ""}
    argv = ["node", os.path.join(FOLDER, name + ".mjs"), *[given.get(word, word) for word in wanted], *words]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, check=False,
                          timeout=300 * moqkit.PATIENCE)
    if relay:
        relay.kill()
    passed, failed = (len(re.findall(pattern, done.stdout, re.M)) for pattern in (r"^ok\b", r"^(?:FAILED|not ok)\b"))
    if done.returncode != 0 and failed == 0 or passed + failed == 0 and not words:
        failed += 1
    result = "failed" if failed else "passed"
    line = f"  {result:8} {time.monotonic() - began:6.1f} s  {name}: {passed} of {passed + failed}"
    return f"{line}\n{done.stdout}" if failed else line, (passed, failed, 0)


def is_of_group(name):
    return browserkit.KIND == "firefox" or (name in PAGES) == (GROUP == "pages")


def all_files():
    """Programs first, because they take longest."""
    kind = browserkit.KIND
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.mjs")), reverse=True):
        name = os.path.basename(path)[:-4]
        if is_of_group(name) and (kind == "chromium" or name in PROGRAMS_FOR_FIREFOX):
            yield name, run_program
    for path in sorted(glob.glob(os.path.join(FOLDER, "test_*.py"))):
        name = os.path.basename(path)[:-3]
        with open(path, encoding="utf-8") as file:
            if is_of_group(name) and name not in ON_DEMAND[kind] and (kind == "chromium" or "FIREFOX = " in file.read()):
                yield name, run_apart


def run_all(words):
    os.environ["MOQ_WEB_DIST"] = browserkit.player_folder()  # built once for all files
    total, lock = [0, 0, 0], threading.Lock()

    def run_one_by_one(files):
        for name, how in files:
            output, counts = how(name, words)
            with lock:
                total[:] = [a + b for a, b in zip(total, counts)]
                print(output, end="\n" if output else "", flush=True)

    files = list(all_files())
    in_turn = [file for file in files if file[0] in IN_TURN]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for future in [pool.submit(run_one_by_one, lane) for lane in [in_turn, *([file] for file in files if file not in in_turn)]]:
            future.result()
    passed, failed, skipped = total
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else NOTHING_RUN if passed == 0 and skipped else 0


def main():
    try:
        browserkit.find_what_is_needed()
    except moqkit.Skipped as why:
        print(why)
        sys.exit(NOTHING_RUN)
    if sys.argv[1:2] == ["--file"]:
        run_here(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(run_all(sys.argv[1:]))
