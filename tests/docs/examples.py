# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the examples of README and docs, in a scratch folder per page, with a relay at a port of its own behind localhost:4443.

A fenced block marked `sh` is run, one command after the other; `yaml` is a configuration that has to load. In a comment
right above a block, `test: beside` keeps it running while those behind it run, `test: not run: WHY` leaves it out. A command has
to end with 0 by itself or, when it goes on for ever, when it is interrupted. What is written to with `>` must not stay empty."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("MOQ_BIN", os.path.join(TOP, "build/bin"))
BUILD = os.path.dirname(BIN)
LIMIT_S, BEGIN_S, END_S = 4, 1.5, 15  # of a command that goes on; of one beside others, to get going; to end
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
    end = time.monotonic() + END_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        time.sleep(0.1)
    raise OSError("the relay of the examples does not answer")


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
        return subprocess.Popen(["bash", "-o", "pipefail", "-c", self.fit(command)], cwd=self.folder, env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def judge(self, command, process, limit_s):
        """Why it is wrong, or None."""
        was_interrupted = False
        try:
            said, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            was_interrupted = True
            os.killpg(process.pid, signal.SIGINT)
            try:
                said, _ = process.communicate(timeout=END_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return f"does not end when interrupted: {command}"
        said = said.decode(errors="replace")
        is_rude = process.returncode < 0 and "example-" not in command
        if process.returncode not in (INTERRUPTED if was_interrupted else (0,)) or is_rude:
            return f"ended with {process.returncode}: {command}\n{said[-1500:]}"
        expected = next((words for pattern, words in GO_ON if re.search(pattern, command)), None) if was_interrupted else ""
        if expected is None:
            return f"goes on for ever: {command}"
        if not re.search(expected, said, re.M):
            return f"did not say {expected!r}: {command}\n{said[-1500:]}"
        target = re.search(r"(?:>|--output) (\S+)", command)
        if target and not os.path.getsize(os.path.join(self.folder, target.group(1))):
            return f"wrote nothing to {target.group(1)}: {command}"
        return None

    def run(self, blocks):
        todo = [block for block in blocks if block.kind == "sh" and not block.note.startswith("not run")]
        has_relay = any("moq-relay --dev" in block.text for block in todo)
        if todo and not has_relay:
            self.beside.append(("moq-relay --dev", self.start("moq-relay --dev")))
            wait_for_relay(self.port)
        for block in todo:
            if block.note == "beside":
                for command in block.commands():
                    self.beside.append((command, self.start(command)))
                time.sleep(BEGIN_S)
                continue
            yield from self.run_block(block)
        for command, process in reversed(self.beside):
            if process.poll() is not None:
                yield f"ended before it was interrupted: {command}\n{process.communicate()[0].decode(errors='replace')[-1500:]}"
            else:
                yield self.judge(command, process, 0.01)

    def run_block(self, block):
        commands = block.commands()
        if any(command.startswith(("export ", "cd ")) for command in commands):
            commands = ["\n".join(["set -e"] + commands)]
        for command in commands:
            yield self.judge(command, self.start(command), 60 if command.startswith("set -e") else LIMIT_S)

    def close(self):
        for _, process in self.beside:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def run_page(folder, text):
    page = Page(folder)
    try:
        yield from filter(None, page.run(blocks_of(text)))
    finally:
        page.close()


def check_configuration(folder, number, block):
    """A configuration loads; the certificates it names are looked at where it would start, not here."""
    path = f"{folder}/{number}.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(block.text)
    done = subprocess.run([BIN + "/moq-relay", path, "--print-config"], capture_output=True, text=True, timeout=20)
    missing = re.sub(r"^.*cannot read \"/etc/moq-relay/.*$\n?", "", done.stderr, flags=re.M)
    return missing.strip()
