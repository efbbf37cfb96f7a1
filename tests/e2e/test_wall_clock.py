# SPDX-License-Identifier: MIT OR Apache-2.0
"""The machine's wall clock is set while relay, publisher and viewer run: whoever shows the time shows the new one, and media do not care."""

from datetime import datetime, timezone

from moqkit import *
from wallkit import HOUR_S, WallClock

NEAR_S = HOUR_S / 4


def shown_ahead_s(lines):
    """How far the time in the last line is ahead of ours."""
    shown = datetime.strptime(lines[-1][-19:], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
    return shown.timestamp() - time.time()


def a_clock_that_is_set_breaks_nothing():
    """A viewer gets each packet of a broadcast in whose middle the clock is set to and fro."""
    wall, port = WallClock(), free_port()
    config = scratch("wall.yaml")
    with open(config, "w") as file:
        file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp: {{ address: listen }}\n'
                   "modules:\n  - clock: { path: ours/clock }\n")
    relay = Relay(port=port, argv=[program("moq-relay"), config], env=wall.env)
    karp, source, result = [program("moq-karp"), "--tls-disable-verify"], as_fmp4(clip("h264")), scratch("wall.mp4")
    viewer = Process([*karp, "subscribe", relay.url("/test/set"), "--output", result], env=wall.env)
    viewer.wait_for("waiting for the broadcast")
    clock = [program("moq-clock"), "--tls-disable-verify", "--path"]
    told = Process([*clock, "theirs", "--path", "clock", relay.url(), "--publish"], env=wall.env)
    clocks = {path: Process([*clock, path, "--path", "clock", relay.url()]) for path in ("ours", "theirs")}
    for path, process in clocks.items():
        wait_until(lambda: len(process.out) > 1, 20, f"nobody sees {path}: {process.err}")
    with open(source, "rb") as media:
        publisher = Process([*karp, "publish", relay.url("/test/set")], stdin=subprocess.PIPE, env=wall.env)
        parts = len(media.read()) // 5 + 1
        media.seek(0)
        for ahead in (0, HOUR_S, 0, -HOUR_S, 0):
            wall.set_ahead(ahead)
            for path, process in clocks.items():
                wait_until(lambda: abs(shown_ahead_s(process.out) - ahead) < NEAR_S, 20, f"{path} does not show a clock that is {ahead} s ahead")
            publisher.popen.stdin.write(media.read(parts))
            publisher.popen.stdin.flush()
        publisher.popen.stdin.close()
    check_equal(publisher.wait(60), 0, f"exit status of publish ({publisher.err[-4:]})")
    check_equal(viewer.wait(30), 0, f"exit status of subscribe ({viewer.err[-4:]})")
    check_same_media(source, result)
    check(told.is_running() and all(process.is_running() for process in clocks.values()), "a clock has ended")
    check_equal(relay.stats()["sessions"], 3, "sessions that are left")
    relay.stop()


TESTS = [a_clock_that_is_set_breaks_nothing]
