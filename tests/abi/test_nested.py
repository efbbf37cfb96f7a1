# SPDX-License-Identifier: MIT OR Apache-2.0
"""A module that ends things in hooks to which its own calls lead, while those calls are at work with the same things."""

from abikit import *

WORKERS = (1, 3)


def relay_with(doing, workers):
    relay = ModuleRelay((module("nested"), {"do": doing}), workers=workers)
    wait_until(lambda: relay.trace.has("done") or not relay.is_running(), 20, f"not done: {relay.trace.lines()}")
    return relay


def nested(doing, hook, *more):
    @with_workers(*WORKERS)
    def test(workers):
        relay = relay_with(doing, workers)
        relay.stop()
        for text in (f"ends all in {hook}", *more):
            check(relay.trace.has(text), f"{text!r} is not among what it told: {relay.trace.lines()}")
    test.__name__ = f"a_hook_may_end_what_its_call_is_about_{doing}"
    return test


@with_workers(*WORKERS)
def no_hook_is_called_after_worker_stop(workers):
    relay = relay_with("leave", workers)
    relay.stop()
    check_equal(relay.trace.lines().count("session_close"), 1, "session_close of the guest that was left open")


@with_workers(*WORKERS)
def a_module_does_not_reach_what_another_one_holds(workers):
    holder = module("nested", 'NAME="holder"', name="holder")
    relay = ModuleRelay((holder, {"do": "hold"}), (module("nested"), {"do": "reach"}), workers=workers)
    wait_until(lambda: relay.trace.lines().count("done") == 2, 20, f"not done: {relay.trace.lines()}")
    relay.stop()
    check(relay.trace.has("holds "), "a request was held meanwhile")


TESTS = [nested("end_source", "track_idle"), nested("close_source", "event"), nested("close_watch", "track_idle"),
         nested("close_guest", "event", "session_close"), nested("lose_guest", "event", "on_closed", "session_close"),
         nested("offer", "announce"), nested("grant", "session_open"), no_hook_is_called_after_worker_stop,
         a_module_does_not_reach_what_another_one_holds]
