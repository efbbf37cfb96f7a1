# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the owner of a guest is told when a hook or its grants end it: the code and the words of whoever ended it."""

from abikit import *

BUSY, FORBIDDEN, EXPIRED = 4, 2, 5


def ends(doing, *expected, denied=0):
    relay = ModuleRelay((module("visitor"), {"do": doing}))
    relay.trace.wait_for(expected[-1])
    check_equal(relay.stats()["guests_denied"], denied, "guests_denied")
    relay.stop()
    check_equal(relay.trace.lines(), list(expected), "what the owner was told")


def a_guest_that_is_closed_when_it_comes_is_told_why_and_counted():
    ends("open", f"decided 0 {BUSY} come later", denied=1)


def a_guest_that_is_closed_when_it_offers_something_is_told_why():
    """Whatever it is told first: of the offers, or of its own end."""
    for doing in ("announce", "announce_quietly"):
        relay = ModuleRelay((module("visitor"), {"do": doing}))
        relay.trace.wait_for("second refused")
        relay.trace.wait_for("closed")
        relay.stop()
        told = relay.trace.lines()
        check_equal(told.pop(0), "decided 1 0 ", "the decision")
        check_equal(sorted(told), [f"{what} {FORBIDDEN} not this one" for what in ("closed", "first refused", "second refused")],
                    f"what the owner was told ({doing})")


def a_guest_whose_grants_expire_is_told_so():
    relay = ModuleRelay((module("visitor"), {"do": "expire"}))
    relay.trace.wait_for("closed")
    relay.stop()
    check(f"closed {EXPIRED} token expired" in relay.trace.lines(), f"what the owner was told: {relay.trace.lines()}")


TESTS = [a_guest_that_is_closed_when_it_comes_is_told_why_and_counted,
         a_guest_that_is_closed_when_it_offers_something_is_told_why, a_guest_whose_grants_expire_is_told_so]
