# SPDX-License-Identifier: MIT OR Apache-2.0
"""How tests of this group run: each on a relay of its own, which afterwards must have let go of everything, end with 0 and
have no word from a sanitizer (for MOQ_BIN of an asan build)."""

import functools
import os

from moqkit import *
from peer import run_with_peers

LIMIT_S = 90 * PATIENCE
QUICK = {"limits_wait": "300ms", "limits_idle": "4s", "quic_keep_alive": "1s"}
COMPLAINTS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion", "REQUIRE", "objects are left")


def resident_kib(relay):
    with open(f"/proc/{relay.popen.pid}/statm") as file:
        return int(file.read().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)


def check_at_base(relay):
    """Nobody is connected, so nothing may be held."""
    names = ("sessions", "announcements", "tracks", "upstream_subscriptions", "viewers", "requests_waiting")

    def left():
        stats = relay.stats()
        found = {name: stats[name] for name in names if stats[name]}
        found.update({name: stats["listeners"][0][name] for name in ("connections", "half_open") if stats["listeners"][0][name]})
        return found

    wait_until(lambda: not left(), 12, "with everybody gone the relay still counts somebody")


def check_no_complaint(relay):
    bad = [line for line in relay.err if any(word in line for word in COMPLAINTS)]
    check(not bad, f"the relay complained: {bad[:5]}")


def on_a_relay(**settings):
    """Turns an async function of a relay into a test. Settings are those of relay.yaml, with _ for each dot."""
    variables = {f"MOQ_RELAY_{name.upper()}": str(value) for name, value in {**QUICK, **settings}.items()}

    def decorate(test):
        @functools.wraps(test)
        def run():
            os.environ.update(variables)
            try:
                relay = Relay("-q")
            finally:
                for name in variables:
                    del os.environ[name]

            try:
                run_with_peers(test, relay, LIMIT_S)
            except BaseException:
                if relay.is_running():
                    relay.end()
                check_no_complaint(relay)
                raise
            check_at_base(relay)
            relay.stop()
            check_no_complaint(relay)
        return run
    return decorate
