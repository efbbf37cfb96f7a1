# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shared by the tests that run whole programs: processes that are always ended, relays, media, packet lists.

A test is a function whose name says what must hold. `main` runs those that match the arguments, and prints a line for
each and then "N passed, N failed, N skipped"."""

import collections
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

TOP = os.environ.get("MOQ_TOP") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("MOQ_BIN") or os.path.join(TOP, "build", "bin")
CACHE = os.environ.get("MOQ_CACHE") or os.path.expanduser("~/.cache/moq-relay")
LONG = os.environ.get("MOQ_LONG") == "1"

FRAGMENTS = ["-movflags", "cmaf+separate_moof+delay_moov+skip_trailer", "-frag_duration", "1"]

_processes = []
_scratch = os.environ.get("MOQ_SCRATCH") or tempfile.mkdtemp(prefix="moq-")
os.makedirs(_scratch, exist_ok=True)


class Failure(AssertionError):
    """Raised when a check fails."""


class Skipped(Exception):
    """Raised by a test that cannot run on this machine; the text says what it needs."""


def check(condition, words):
    if not condition:
        raise Failure(words)


def check_equal(actual, expected, words):
    check(actual == expected, f"{words}: {short(actual)} instead of {short(expected)}")


def short(value):
    text = repr(value)
    return text if len(text) <= 300 else text[:297] + "..."


def scratch(name):
    return os.path.join(_scratch, name)


def program(name):
    return os.path.join(BIN, name)


def free_port():
    """A port that is free at the moment for both UDP and TCP."""
    for _ in range(50):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.bind(("::", 0))
            port = udp.getsockname()[1]
            with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tcp:
                try:
                    tcp.bind(("::", port))
                    return port
                except OSError:
                    continue
    raise Failure("no free port")


# Time limits only end a test that waits in vain. An idle machine stays far below them; they are multiplied by this for the
# sake of a busy one.
PATIENCE = 6


def wait_until(condition, seconds, words):
    deadline = time.monotonic() + seconds * PATIENCE
    while not condition():
        check(time.monotonic() < deadline, f"after {seconds * PATIENCE} s: {words}")
        time.sleep(0.02)


class Process:
    """A running program. Collects its standard error, and its standard output unless that goes elsewhere."""

    def __init__(self, argv, stdin=subprocess.DEVNULL, stdout=None, env=None):
        self.name = os.path.basename(argv[0])
        self.argv = argv
        self.out, self.err = [], []
        self.popen = subprocess.Popen(
            argv, stdin=stdin, stdout=subprocess.PIPE if stdout is None else stdout, stderr=subprocess.PIPE,
            env=dict(os.environ, **(env or {})), start_new_session=True)
        _processes.append(self)
        self.threads = [threading.Thread(target=self._collect, args=(self.popen.stderr, self.err), daemon=True)]
        if stdout is None:
            self.threads.append(threading.Thread(target=self._collect, args=(self.popen.stdout, self.out), daemon=True))
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _collect(pipe, lines):
        for line in pipe:
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def is_running(self):
        return self.popen.poll() is None

    def send(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=20):
        """Waits for the end and returns the exit status, which is negative after a signal."""
        try:
            status = self.popen.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not end within {seconds * PATIENCE} s; its last words: {self.err[-5:]}") from None
        for thread in self.threads:
            thread.join(5)
        return status

    def end(self, number=signal.SIGTERM, seconds=20):
        if self.is_running():
            self.send(number)
        return self.wait(seconds)

    def kill(self):
        if self.is_running():
            try:
                os.killpg(self.popen.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.popen.wait(10)

    def wait_for(self, text, seconds=15, stream="err"):
        """Waits until a line with `text` has been printed."""
        lines = getattr(self, stream)

        def is_there():
            has_ended = not self.is_running()
            for thread in self.threads if has_ended else ():
                thread.join(5)  # its last words may still be in the pipe
            if any(text in line for line in list(lines)):
                return True
            check(not has_ended, f"{self.name} ended with {self.popen.poll()} before it printed {text!r}: {self.err[-8:]}")
            return False

        wait_until(is_there, seconds, f"{self.name} has not printed {text!r}; it printed {lines[-8:]} {self.err[-8:]}")


def run(argv, seconds=60, stdin=None, env=None):
    """Runs a program to its end. Returns (status, stdout bytes, stderr text)."""
    done = subprocess.run(argv, input=stdin, capture_output=True, timeout=seconds * PATIENCE, env=dict(os.environ, **(env or {})))
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


def compile_shared(name, sources, *more):
    """A library of C sources, to be preloaded into a program or opened by it; made once per run."""
    out = scratch(name)
    if not os.path.exists(out):
        status, _, err = run(["cc", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden", "-pthread", "-Wall", "-Wextra",
                              "-Werror", "-O2", "-Wl,--exclude-libs,ALL", *sources, "-o", out, *more])
        check_equal(status, 0, f"compiling {name}: {err}")
    return out


class Relay(Process):
    """moq-relay --dev on a free port."""

    def __init__(self, *more, port=None, argv=None, env=None):
        self.port = port or free_port()
        super().__init__(argv or [program("moq-relay"), "--dev", "--bind", f"[::]:{self.port}", *more], env=env)
        wait_until(self._answers, 20, f"the relay does not answer: {self.err[-8:]}")

    @classmethod
    def quick(cls, port=None):
        """A relay with a short idle time-out, so that it and silent peers give each other up soon."""
        return cls(port=port, env={"MOQ_RELAY_LIMITS_IDLE": "4s", "MOQ_RELAY_QUIC_KEEP_ALIVE": "1s"})

    def _answers(self):
        check(self.is_running(), f"the relay ended with {self.popen.poll()}: {self.err[-8:]}")
        try:
            self.get("/fingerprint")
            return True
        except OSError:
            return False

    def get(self, path, seconds=5 * PATIENCE):
        with urllib.request.urlopen(f"http://localhost:{self.port}{path}", timeout=seconds) as answer:
            return answer.read().decode()

    def url(self, path="", scheme="https"):
        return f"{scheme}://localhost:{self.port}{path}"

    def stats(self):
        import json
        return json.loads(self.get("/stats"))

    def stop(self):
        check_equal(self.end(), 0, "the relay's exit status after SIGTERM")


# ---- Media ------------------------------------------------------------------------------------------------------

CLIPS = {  # by name: ffmpeg's options to make it; each lasts 4 seconds
    "h264": ["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "30", "-c:a", "aac"],
    "short": ["-c:v", "libx264", "-preset", "ultrafast", "-g", "8", "-c:a", "aac"],  # groups, of a quarter of a second
    "h265": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=30", "-c:a", "libopus"],
    "vp9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-c:a", "libopus"],
    "av1": ["-c:v", "libsvtav1", "-preset", "12", "-g", "30", "-svtav1-params", "lp=1"],
}


def clip(name):
    """The path of a test clip, which is made once per machine. "bbb" is real footage."""
    if name == "bbb":
        status, out, err = run([os.path.join(TOP, "dev", "media")], 600)
        check_equal(status, 0, f"dev/media: {err}")
        return out.decode().strip().splitlines()[-1]
    folder = os.path.join(CACHE, "clips")
    path = os.path.join(folder, f"{name}-1.mp4")
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    options = CLIPS[name]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4"] if "-c:a" in options else []
    part = f"{path}.{os.getpid()}.mp4"
    status, _, err = run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=4", *sound,
                          "-pix_fmt", "yuv420p", *options, part], 300)
    check_equal(status, 0, f"ffmpeg cannot make the clip {name}: {err}")
    os.replace(part, path)
    return path


def packets(path):
    """Returns {stream number: [(pts in microseconds, size, md5), ...]} in file order, as ffmpeg reads them without decoding."""
    status, out, err = run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "framemd5", "-"], 120)
    check_equal(status, 0, f"ffmpeg cannot read {path}: {err}")
    bases, streams = {}, {}
    for line in out.decode().splitlines():
        if line.startswith("#tb "):
            number, fraction = line[4:].split(":")
            top, bottom = fraction.strip().split("/")
            bases[int(number)] = (int(top), int(bottom))
        elif line and not line.startswith("#"):
            number, _dts, pts, _duration, size, md5 = [field.strip() for field in line.split(",")][:6]
            top, bottom = bases[int(number)]
            streams.setdefault(int(number), []).append((round(int(pts) * top * 1000000 / bottom), int(size), md5))
    return streams


def as_fmp4(path, fragments=None):
    """The clip as the publishing command makes it. ffmpeg itself changes some times, before our programs see them."""
    result = scratch(os.path.basename(path) + ".fmp4")
    with open(result, "wb") as file:
        command = [word for word in ffmpeg_to_fmp4(path, fragments=fragments or FRAGMENTS) if word != "-re"]
        check_equal(subprocess.run(command, stdout=file, stdin=subprocess.DEVNULL).returncode, 0, "ffmpeg's exit status")
    return result


def check_same_media(source, result):
    """Checks that every packet of every stream has the same payload, order and presentation time (in microseconds)."""
    before, after = packets(source), packets(result)
    check_equal(sorted(after), sorted(before), f"streams of {result}")
    for number, expected in before.items():
        actual = after[number]
        check_equal(len(actual), len(expected), f"packets of stream {number} in {result}")
        for index, (want, got) in enumerate(zip(expected, actual)):
            is_same = want[1:] == got[1:] and abs(want[0] - got[0]) <= 1
            check(is_same, f"stream {number}, packet {index} of {result} is {got} instead of {want}")


def ffmpeg_to_fmp4(path, *more, fragments=FRAGMENTS, maps=()):
    """The publishing command in README: real time, one frame per fragment."""
    return ["ffmpeg", "-hide_banner", "-v", "error", "-re", *more, "-i", path, *maps, "-c", "copy", "-f", "mp4", *fragments, "-"]


class Publisher:
    """ffmpeg | moq-karp publish."""

    def __init__(self, url, path, *more, karp=None, maps=()):
        self.source = subprocess.Popen(ffmpeg_to_fmp4(path, *more, maps=maps), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        self.karp = Process(karp or [program("moq-karp"), "--tls-disable-verify", "publish", url], stdin=self.source.stdout)
        self.source.stdout.close()

    def wait(self, seconds=120):
        return self.karp.wait(seconds)

    def kill(self):
        self.karp.kill()
        self.source.kill()
        self.source.wait()

    def end(self):
        self.source.terminate()
        self.source.wait()
        return self.karp.wait(20)


def subscriber(url, output, *more):
    return Process([program("moq-karp"), "--tls-disable-verify", "subscribe", url, "--output", output, *more])


def waiting_subscriber(url, output, *more):
    """A subscriber that is there before the broadcast begins, so that it gets the first group."""
    viewer = subscriber(url, output, *more)
    viewer.wait_for("waiting for the broadcast")
    return viewer


class Tunnel:
    """Forwards datagrams between a client and the relay. When `largest` is set, it drops larger ones in both directions. Each is `late_s`
    on its way."""

    def __init__(self, relay, late_s=0):
        self.inside, self.outside = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.inside.bind(("127.0.0.1", 0))
        self.port = self.inside.getsockname()[1]
        self.relay = ("127.0.0.1", relay.port)
        self.client = None
        self.largest = 65536
        self.lost = 0
        self.late_s, self.waiting = late_s, collections.deque()
        self.is_over = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.is_over:
            rest = self.waiting[0][0] - time.monotonic() if self.waiting else 0.05
            for ready in select.select([self.inside, self.outside], [], [], max(0.0, min(rest, 0.05)))[0]:
                data, sender = ready.recvfrom(65536)
                if ready is self.inside:
                    self.client = sender
                if len(data) > self.largest:
                    self.lost += 1
                else:
                    self.waiting.append((time.monotonic() + self.late_s, ready, data))
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, came, data = self.waiting.popleft()
                if came is self.inside:
                    self.outside.sendto(data, self.relay)
                else:
                    self.inside.sendto(data, self.client)

    def end(self):
        self.is_over = True
        self.thread.join()


# ---- Running -----------------------------------------------------------------------------------------------------

def _clean_up():
    while _processes:
        _processes.pop().kill()


def _one(test):
    try:
        test()
        return "passed", ""
    except Skipped as why:
        return "skipped", str(why)
    except Failure as why:
        return "failed", str(why)
    except Exception:  # a test that breaks has failed too, and its place is worth seeing
        return "failed", traceback.format_exc()
    finally:
        _clean_up()


def main(tests):
    """Runs the tests whose names contain one of the arguments; without arguments, all."""
    wanted = sys.argv[1:]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for test in tests:
        if wanted and not any(word in test.__name__ for word in wanted):
            continue
        began = time.monotonic()
        result, why = _one(test)
        counts[result] += 1
        print(f"  {result:8} {time.monotonic() - began:6.1f} s  {test.__name__.replace('_', ' ')}{': ' + why if why else ''}", flush=True)
    if not os.environ.get("MOQ_SCRATCH") and counts["failed"] == 0:
        shutil.rmtree(_scratch, ignore_errors=True)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 77 if counts["passed"] == 0 and counts["skipped"] else 0)
