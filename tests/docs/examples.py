# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the examples of README and docs, in a scratch folder per page, with a relay at a port of its own behind localhost:4443.

A fenced block marked `sh` is run, one command after the other; `yaml` is a configuration that has to load. In a comment
right above a block, `test: beside` keeps it running while those behind it run, `test: not run: WHY` leaves it out, and
`test: written: NAME` makes a file of it, of whatever kind it is. A page that writes relay.yaml starts its own relay. A command has
to end with 0 by itself or, when it goes on for ever, when it is interrupted. What is written to with `>` must not stay empty."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("MOQ_BIN", os.path.join(TOP, "build/bin"))
BUILD = os.path.dirname(BIN)
HANG_S = 120  # what takes so long, to begin or to end, never will
# What is fine when a command was interrupted: ours end in order, ffplay and ffmpeg say so, the examples know no signals.
INTERRUPTED = (0, 123, 255, -signal.SIGINT)
# Commands that go on until they are interrupted, and what they must have said by then. All others have to end.
GO_ON = [(r"moq-relay", r"listening on"), (r"moq-karp.* publish", r"publishing"), (r"moq-karp.* subscribe", r"watching instance"),
         (r"moq-clock.*--publish", r"publishing"), (r"moq-clock", r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"),
         (r"example-publish", r""), (r"example-subscribe", r"^\d+: \d+$")]

BLOCK = re.compile(r"(?:<!-- *test: *(?P<note>[^>]*?) *-->\s*\n)?^(?P<indent> *)```(?P<kind>\w*)\n(?P<text>.*?)^ *```", re.M | re.S)


class Block:
    def __init__(self, found):
        self.kind, self.note = found["kind"], found["note"] or ""
        self.text = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.M)

    def file(self):
        """The name of the file that it is written to, or None."""
        return self.note.removeprefix("written: ") if self.note.startswith("written: ") else None

    def commands(self):
        """Lines with their continuations, without remarks."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        return [line for line in (re.sub(r"\s{2,}#.*", "", line).strip() for line in joined.split("\n")) if line]


def blocks_of(text):
    return [Block(found) for found in BLOCK.finditer(text)]


def free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.bind(("::", 0))
        return udp.getsockname()[1]


def wait_for_relay(port):
    end = time.monotonic() + HANG_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        time.sleep(0.1)
    raise OSError("the relay of the examples does not answer")


class Running:
    """A command as it was started; what it says goes to a file, so that it can be looked at meanwhile."""

    def __init__(self, command, line, folder, environment):
        self.command = command
        goes_on = not command.startswith("set -e")
        self.expected = next((words for pattern, words in GO_ON if goes_on and re.search(pattern, command)), None)
        target = re.search(r"(?:>|--output) (\S+)", command)
        self.target = target and os.path.join(folder, target.group(1))
        number, self.log = tempfile.mkstemp(dir=folder, suffix=".said")
        self.process = subprocess.Popen(["bash", "-o", "pipefail", "-c", line], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=number, stderr=subprocess.STDOUT, start_new_session=True)
        os.close(number)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def has_written(self):
        return not self.target or (os.path.exists(self.target) and os.path.getsize(self.target) > 0)

    def is_going(self):
        said = self.said()
        # Not before its clock runs: ffplay leaves from within its signal handler, and hangs if that comes while it opens its devices.
        plays = True if "ffplay" not in self.command else re.search(r"\d+\.\d+ [AM]-[VA]:", said)
        return re.search(self.expected or "", said, re.M) is not None and plays is not None and self.has_written()

    def wait_until_going(self):
        """False: it has ended by itself."""
        end = time.monotonic() + HANG_S
        while self.process.poll() is None and not self.is_going() and time.monotonic() < end:
            time.sleep(0.05)
        return self.process.poll() is None

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def wait(self):
        """False: it does not end, so it was killed."""
        try:
            self.process.wait(HANG_S)
            return True
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            return False


class Page:
    """A folder, a relay, and whatever the page's examples leave running."""

    def __init__(self, folder):
        self.folder, self.port, self.beside = folder, free_port(), []
        self.environment = dict(os.environ, PATH=BIN + ":" + os.environ["PATH"], MOQ_URL=f"https://localhost:{self.port}",
                                SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")
        os.makedirs(folder)
        os.symlink(BUILD, folder + "/build")
        clip = subprocess.run([TOP + "/dev/media"], capture_output=True, text=True, timeout=120).stdout.split("\n")[-2]
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-stream_loop", "19", "-i", clip, "-c", "copy", folder + "/in.mp4"],
                       check=True, timeout=60, stderr=subprocess.DEVNULL)
        for example in ("publish.c", "subscribe.c"):
            shutil.copy(f"{TOP}/examples/{example}", folder)

    def fit(self, command):
        return command.replace("./dev/", TOP + "/dev/").replace("localhost:4443", f"localhost:{self.port}").replace(
            "moq-relay --dev", f"moq-relay --dev --bind [::]:{self.port}")

    def start(self, command):
        return Running(command, self.fit(command), self.folder, self.environment)

    def judge(self, running):
        """Waits until a command has ended or, if it goes on for ever, has done what it is for. Why it is wrong, or None."""
        command = running.command
        was_interrupted = running.expected is not None and running.wait_until_going()
        if was_interrupted:
            running.signal(signal.SIGINT)
        if not running.wait():
            return f"does not end{' when interrupted' if was_interrupted else ''}: {command}\n{running.said()[-1500:]}"
        status = running.process.returncode
        is_rude = status < 0 and "example-" not in command
        if status not in (INTERRUPTED if was_interrupted else (0,)) or is_rude:
            return f"ended with {status}: {command}\n{running.said()[-1500:]}"
        if was_interrupted and not running.is_going():
            return f"did not say {running.expected!r}: {command}\n{running.said()[-1500:]}"
        if not running.has_written():
            return f"wrote nothing to {running.target}: {command}"
        return None

    def run(self, blocks):
        todo = [block for block in blocks if block.kind == "sh" and not block.note.startswith("not run")]
        for block in filter(Block.file, blocks):
            with open(f"{self.folder}/{block.file()}", "w", encoding="utf-8") as file:
                file.write(block.text.replace(":4443", f":{self.port}"))
        has_relay = any("moq-relay --dev" in block.text for block in todo) or any(block.file() == "relay.yaml" for block in blocks)
        if todo and not has_relay:
            self.beside.append(self.start("moq-relay --dev"))
            wait_for_relay(self.port)
        for block in todo:
            if block.note == "beside":
                for command in block.commands():
                    self.beside.append(self.start(command))
                    self.beside[-1].wait_until_going()
                continue
            yield from self.run_block(block)
        for running in reversed(self.beside):
            if running.process.poll() is not None:
                yield f"ended before it was interrupted: {running.command}\n{running.said()[-1500:]}"
            else:
                yield self.judge(running)

    def run_block(self, block):
        commands = block.commands()
        if any(command.startswith(("export ", "cd ")) for command in commands):
            commands = ["\n".join(["set -e"] + commands)]
        for command in commands:
            yield self.judge(self.start(command))

    def close(self):
        for running in self.beside:
            running.signal(signal.SIGKILL)


def run_page(folder, text):
    page = Page(folder)
    try:
        yield from filter(None, page.run(blocks_of(text)))
    finally:
        page.close()


def write_beside(folder, block):
    """What is written to a file may be named by the configurations behind it."""
    if block.file():
        with open(f"{folder}/{block.file()}", "w", encoding="utf-8") as file:
            file.write(block.text)


def check_configuration(folder, number, block):
    """A configuration loads; the certificates it names are looked at where it would start, not here."""
    path = f"{folder}/{number}.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(block.text)
    done = subprocess.run([BIN + "/moq-relay", path, "--print-config"], capture_output=True, text=True, timeout=20,
                          cwd=folder)
    missing = re.sub(r"^.*cannot read \"/etc/moq-relay/.*$\n?", "", done.stderr, flags=re.M)
    return missing.strip()
