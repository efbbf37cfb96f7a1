# SPDX-License-Identifier: MIT OR Apache-2.0
"""A browser in a test: one is opened for a whole run, each test gets a page of a context of its own, and whatever the page complains
about fails the test unless it is expected. What pages show and play is measured by measure.js, with media of clips.py."""

import atexit
import base64
import json
import math
import os
import queue
import re
import shutil
import statistics
import subprocess
import threading

import clips
from moqkit import *

HERE = os.path.dirname(os.path.abspath(__file__))
WEB = os.path.join(TOP, "web")
KIND = os.environ.get("MOQ_BROWSER", "chromium")
NAMES = {"chromium": ("chromium", "chromium-browser", "google-chrome"), "firefox": ("firefox-esr", "firefox")}


def executable(kind):
    for name in NAMES[kind]:
        if shutil.which(name):
            return shutil.which(name)
    raise Skipped(f"no {kind}: apt-get install {NAMES[kind][0]}")


def find_what_is_needed():
    """Skips all of it where a program is missing."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise Skipped(f"{tool} is missing: apt-get install nodejs npm")
    executable(KIND)
    if KIND == "firefox" and not shutil.which("pulseaudio"):
        raise Skipped("pulseaudio is missing: apt-get install pulseaudio")


def packages():
    """web/node_modules, as the lock file says."""
    status, _, err = run([os.path.join(TOP, "dev", "npm")], 300)
    check_equal(status, 0, f"dev/npm: {err}")
    return WEB


def player_folder():
    """What web/ is built to, in a folder of the test; MOQ_WEB_DIST if it is built already."""
    if "MOQ_WEB_DIST" not in os.environ:
        status, out, err = run([os.path.join(TOP, "dev", "npm"), "run", "--silent", "build", "--", scratch("dist")], 300)
        check_equal(status, 0, f"npm run build: {out.decode()[-1000:]}{err[-2000:]}")
        os.environ["MOQ_WEB_DIST"] = scratch("dist")
    return os.environ["MOQ_WEB_DIST"]


class Loudspeaker:
    """A sound server of our own with a device that plays to nobody: Firefox has no sound without one, Chromium brings its own."""

    def __init__(self):
        home = scratch(f"pulse-{os.getpid()}")
        os.makedirs(home, mode=0o700, exist_ok=True)
        self.env = {"PULSE_SERVER": f"unix:{home}/socket", "PULSE_COOKIE": f"{home}/cookie"}
        argv = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-target=stderr", "--disable-shm=yes", "--realtime=no",
                "--high-priority=no",
                "-L", "module-null-sink sink_name=nobody", "-L", f"module-native-protocol-unix auth-anonymous=1 socket={home}/socket"]
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                      env=dict(os.environ, HOME=home, XDG_RUNTIME_DIR=home, PULSE_RUNTIME_PATH=home))
        wait_until(lambda: os.path.exists(f"{home}/socket") or self.popen.poll() is not None, 10, "pulseaudio makes no socket")
        check(self.popen.poll() is None, f"pulseaudio has ended with {self.popen.poll()}")

    def close(self):
        self.popen.terminate()
        self.popen.wait(20)


class Browser:
    """Not a Process of moqkit: it outlives a test. `behind` is a Link of linkkit, or None."""

    def __init__(self, kind=KIND, behind=None, env=None):
        folders = {"clips": clips.folder(), "dist": player_folder()}
        argv = ["node", os.path.join(HERE, "driver.mjs"), kind, executable(kind), packages(), json.dumps(folders)]
        self.speaker = Loudspeaker() if kind == "firefox" else None
        env = {**(env or {}), **(self.speaker.env if self.speaker else {})}
        self.err = open(scratch(f"{kind}-{id(self)}.log"), "w+")
        self.popen = subprocess.Popen(behind.inside(argv) if behind else argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.err,
                                      text=True, start_new_session=True, env=dict(os.environ, **env))
        self.answers, self.number = queue.Queue(), 0
        threading.Thread(target=self._read, daemon=True).start()
        self.origins = self._answer(0, 60)

    def _read(self):
        for line in self.popen.stdout:
            self.answers.put(json.loads(line))
        self.answers.put(None)

    def _answer(self, number, seconds):
        found = {"id": -1}
        while found["id"] < number:  # an older one came too late for who waited for it
            try:
                found = self.answers.get(timeout=seconds * PATIENCE)
            except queue.Empty:
                raise Failure(f"the browser does not answer within {seconds * PATIENCE} s: {self.last_words()}") from None
            check(found is not None, f"the browser's driver has ended: {self.last_words()}")
        check("error" not in found, f"the browser: {found.get('error')}")
        return found["result"]

    def last_words(self):
        self.err.seek(0)
        return self.err.read()[-1500:]

    def ask(self, operation, seconds=30, **request):
        self.number += 1
        self.popen.stdin.write(json.dumps({"id": self.number, "operation": operation, **request}) + "\n")
        self.popen.stdin.flush()
        return self._answer(self.number, seconds)

    def close(self):
        self.popen.stdin.close()
        try:
            self.popen.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.popen.pid, 9)
        if self.speaker:
            self.speaker.close()
        self.err.close()


_open = []


def close_browser():
    while _open:
        _open.pop().close()


def the_browser():
    """The one that all tests of a process share."""
    if not _open:
        _open.append(Browser())
    return _open[0]


atexit.register(close_browser)


HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><title>a test</title><link rel="icon" href="data:,"><body>'
MEASURE = '<script type="module">globalThis.kit = await import("/kit/measure.js"); globalThis.isReady = true</script>'


class Page:
    """A context manager: leaving it without a failure checks that nothing was complained about but what `expected` matches. To ask a page
    anything counts as a click, so one that `is_alone` is not asked whether it is ready."""

    ABOUT = None  # JavaScript for what is told of a page in which something does not come

    def __init__(self, html="", expected=None, path=None, init=(), browser=None, is_alone=False, **options):
        self.browser, self.expected = browser or the_browser(), expected
        page = {"path": path} if path else {"html": f"{HEAD}{html}{MEASURE}"}
        opened = self.browser.ask("open", 60, **page, init=["kit:marks.js", "kit:tap.js", *init], **options)
        self.tab, self.origin = opened["tab"], opened["origin"]
        if not path and not is_alone:
            self.until("() => globalThis.isReady", 20, "measure.js is not loaded")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        complaints = self.browser.ask("close", tab=self.tab)
        if kind is None:
            unexpected = [text for text in complaints if not (self.expected and re.search(self.expected, text))]
            check(not unexpected, f"the page complains: {unexpected[:5]}")

    def run(self, code, *args, seconds=30):
        """What a JavaScript function answers, which may be async."""
        return self.browser.ask("evaluate", seconds, tab=self.tab, code=code, args=args)

    def until(self, code, seconds, words, *args):
        """Waits until a JavaScript function answers something true, which is returned."""
        found = []

        def holds():
            found[:] = [self.run(code, *args)]
            return found[0]

        try:
            wait_until(holds, seconds, words)
        except Failure as why:
            complaints = self.browser.ask("complaints", tab=self.tab)[:5]
            state = f"; the state is {self.run(f'() => {self.ABOUT}')}" if self.ABOUT else ""
            raise Failure(f"{why}; the page complains: {complaints}{state}") from None
        return found[0]

    def metrics(self):
        return self.browser.ask("metrics", tab=self.tab)

    def click(self, at):
        self.browser.ask("click", tab=self.tab, at=at)

    def screenshot(self, path):
        self.browser.ask("screenshot", tab=self.tab, path=path)

    # ---- What is seen and heard. `source` is a JavaScript expression of a canvas or video. ------------------------------------

    def watch(self, source, seconds, more="({})"):
        """Looks for that long at each repaint: [{number, flash, at, wall, ...}], at each change."""
        watched = self.run(f"""async (ms) => {{
            const watch = new kit.Watch(() => {source}, () => ({more}));
            await new Promise((done) => setTimeout(done, ms));
            return watch.stop();
        }}""", seconds * 1000, seconds=seconds + 20)
        check(watched["seen"], f"no number was seen in {watched['looks']} looks")
        return watched["seen"]

    def picture(self, source):
        """(number, width, height, RGB bytes) of what is shown now."""
        found = self.run(f"() => kit.takePicture({source})")
        return found.get("number"), found["width"], found["height"], base64.b64decode(found["rgb"])

    def likeness_of_sound(self, path, seconds=0.4):
        """How much the last sound heard is like some place of the file's, up to 1; and the loudest sample."""
        heard = self.run("(seconds) => kit.sound(seconds)", seconds)
        whole = base64.b64encode(clips.reference_sound(path)).decode()
        found = self.run("(part, whole) => kit.correlate(part, whole)", heard["samples"], whole, seconds=60)
        return found["likeness"], max(heard["peaks"])


def psnr(one, other):
    """Of two pictures of the same size, in dB."""
    check_equal(len(one), len(other), "bytes of the picture")
    error = sum((a - b) * (a - b) for a, b in zip(one, other)) / len(one)
    return 99.0 if error == 0 else 10 * math.log10(255 * 255 / error)


def check_picture(page, source, name, least=30):
    """What is shown is the clip's picture of the same number."""
    number, width, height, rgb = page.picture(source)
    check(number is not None, "the picture has no number")
    want_width, want_height, want = clips.reference_picture(name, number)
    check_equal((width, height), (want_width, want_height), f"the size of picture {number}")
    found = psnr(rgb, want)
    check(found > least, f"picture {number} of {name} is shown with {found:.1f} dB")
    return found


def offsets(flashes, beeps):
    """How many milliseconds after each flash its beep came, for all that have one within half a second."""
    pairs = [(min(beeps, key=lambda beep: abs(beep - flash)) - flash) for flash in flashes] if beeps else []
    return [pair for pair in pairs if abs(pair) < 500]


def sound_after_picture(page, source, seconds=5):
    """The median time from a flash to its beep, in milliseconds; below 0: the beep came first."""
    seen = page.watch(source, seconds)
    flashes = [b["at"] for a, b in zip(seen, seen[1:]) if b["flash"] and not a["flash"]]
    found = offsets(flashes, page.run("() => kit.beeps()"))
    check(len(found) >= 2, f"{len(flashes)} flashes were seen, and {len(found)} of them were heard")
    return statistics.median(found)
