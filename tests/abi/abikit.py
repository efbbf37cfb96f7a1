# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compiles modules of this folder as a stranger would, and runs relays that load them. After each relay, its exit status, its
complaints and the trace of its modules are looked at."""

import functools
import hashlib
import itertools
import json
import re

import border
from moqkit import *

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.environ.get("MOQ_ABI_INCLUDE") or os.path.join(TOP, "server", "include")
HEADER = os.path.join(INCLUDE, "relay", "module.h")
BUILD_S = 60
LIMIT_S = 60 * PATIENCE
COMPLAINTS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion", "REQUIRE", "objects are left")
EXIT_USAGE = 2
with open(HEADER, encoding="utf-8") as _file:
    VERSION = "{}.{}".format(*border.versions(_file.read()))

_numbers = itertools.count(1)


# ---- Modules -----------------------------------------------------------------------------------------------------

def compile_to(path, source, *more, compiler="cc", standard="-std=c11"):
    done = subprocess.run([compiler, standard, "-fPIC", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{INCLUDE}",
                           "-o", path, *more, source], capture_output=True, text=True, timeout=BUILD_S * PATIENCE)
    check_equal(done.returncode, 0, f"compiling {os.path.basename(source)}: {done.stderr[:2000]}")
    return path


@functools.lru_cache(maxsize=None)
def module(source, *macros, name=None, directory="modules"):
    """The path of the shared object made of tests/abi/SOURCE.c with these macros. Another `name` makes another file."""
    tag = hashlib.sha256(" ".join(macros).encode()).hexdigest()[:8] if macros else "plain"
    folder = scratch(directory)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{name or f'{source}-{tag}'}.so")
    return compile_to(path, os.path.join(HERE, source + ".c"), "-shared", *(f"-D{macro}" for macro in macros))


def file_with(name, data):
    path = scratch(name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


# ---- Relays ------------------------------------------------------------------------------------------------------

def configuration(*entries, path=None, **settings):
    """A relay.yaml. An entry is a path or a name, or a pair of that and its settings; JSON is YAML."""
    lines = [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
    lines += ["modules:"] if entries else []
    for entry in entries:
        if isinstance(entry, str):
            lines.append(f"  - {json.dumps(entry)}")
        else:
            lines.append(f"  - {json.dumps(entry[0])}: {json.dumps(entry[1])}")
    path = path or scratch(f"relay-{next(_numbers)}.yaml")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


class Trace:
    """What the modules of one relay told."""

    def __init__(self):
        self.path = scratch(f"trace-{os.getpid()}-{next(_numbers)}")

    def lines(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path) as file:
            return file.read().splitlines()

    def has(self, text):
        return any(text in line for line in self.lines())

    def wait_for(self, text, seconds=10):
        wait_until(lambda: self.has(text), seconds, f"the modules have not told {text!r}")

    def check_good(self):
        bad = [line for line in self.lines() if line.startswith("FAILED")]
        check(not bad, f"a module found: {bad[:5]}")


def command(yaml, *more):
    return [program("moq-relay"), "--dev", "--bind", f"[::1]:{free_port()}", yaml, *more]


class ModuleRelay(Relay):
    """A relay that has started with these modules."""

    def __init__(self, *entries, env=None, port=None, **settings):
        self.trace = Trace()
        self.yaml = configuration(*entries, **settings)
        port = port or free_port()
        argv = [program("moq-relay"), "--dev", "--bind", f"[::]:{port}", self.yaml]
        super().__init__(port=port, argv=argv, env={"ABI_TRACE": self.trace.path, **(env or {})})

    def reload(self, *entries, **settings):
        configuration(*entries, path=self.yaml, **settings)
        self.send(signal.SIGHUP)

    def stop(self):
        self.check_ended(self.end())

    def check_ended(self, status):
        check_no_complaint(self.err)
        check_equal(status, 0, f"the relay's exit status after SIGTERM: {self.err[-8:]}")
        self.trace.check_good()

    def counters(self, name):
        return self.stats()["modules"].get(name, {})

    def logged(self, text):
        return [line for line in list(self.err) if text in line]


def check_no_complaint(lines):
    bad = [line for line in lines if any(word in line for word in COMPLAINTS)]
    check(not bad, f"the relay complained: {bad[:5]}")


def ended(yaml, *more, env=None):
    """Runs the relay to its end. Returns (exit status, lines on standard error, trace)."""
    trace = Trace()
    process = Process(command(yaml, *more), env={"ABI_TRACE": trace.path, **(env or {})})
    status, lines = process.wait(3), process.err
    check_no_complaint(lines)
    trace.check_good()
    return status, lines, trace


def errors_of(lines):
    return [line for line in lines if not re.match(r"\S+ (info|warn|debug) ", line)]


def check_one_line(lines, *words):
    found = errors_of(lines)
    check_equal(len(found), 1, f"lines that say what is wrong: {found}")
    for word in words:
        check(word in found[0], f"{word!r} is not in the line: {found[0]}")


def check_refused(entry, *words, versions=True):
    """Neither --check nor a start accept this module; both say the same, once, with the versions."""
    yaml = configuration(entry)
    words += (f"this relay has {VERSION}",) if versions else ()
    for more in (["--check"], []):
        status, lines, _ = ended(yaml, *more)
        check_equal(status, EXIT_USAGE, f"exit status with {more}: {lines[-3:]}")
        check_one_line(lines, *words)


def with_workers(*counts):
    """A test of (workers), for each of these numbers of them."""
    def decorate(test):
        @functools.wraps(test)
        def every():
            for count in counts:
                try:
                    test(count)
                except Failure as why:
                    raise Failure(f"{count} workers: {why}") from None
        del every.__wrapped__
        return every
    return decorate


# ---- Peers -------------------------------------------------------------------------------------------------------

def with_peers(*entries, workers=(1,), **settings):
    """Turns an async function of a relay with these modules (callables that name an entry) into a test. Afterwards nobody may be
    connected, and nothing of theirs may be left."""
    from peer import run_with_peers

    def decorate(test):
        @with_workers(*workers)
        def every(count):
            relay = ModuleRelay(*(entry() for entry in entries), workers=count, **settings)

            try:
                run_with_peers(test, relay, LIMIT_S)
                check_nobody_is_left(relay)
            finally:
                if relay.is_running():
                    relay.end()
            check_equal(relay.popen.returncode, 0, f"the relay's exit status: {relay.err[-8:]}")
            check_no_complaint(relay.err)
            relay.trace.check_good()
        every.__name__ = test.__name__
        return every
    return decorate


def check_nobody_is_left(relay):
    names = ("sessions", "viewers", "requests_waiting")
    wait_until(lambda: not any(relay.stats()[name] for name in names), 12, "with everybody gone the relay still counts somebody")


async def until_traced(relay, condition, words):
    """Waits for what only the modules know."""
    from peer import until_told
    try:
        await until_told(condition, words)
    except Failure as why:
        raise Failure(f"{why}; they told {relay.trace.lines()[-9:]}, the relay {relay.err[-3:]}") from None


def count(relay, text):
    """How many lines of the trace have this text."""
    return sum(text in line for line in relay.trace.lines())


async def told(relay, text):
    await until_traced(relay, lambda: relay.trace.has(text), f"the modules have told {text!r}")
