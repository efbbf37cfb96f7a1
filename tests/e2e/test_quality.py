# SPDX-License-Identifier: MIT OR Apache-2.0
"""Quality by viewer: the link of one of two becomes slower than the rendition that it watches, and recovers. tests/bench/quality.py
tells the times of that on a quiet machine; here the bounds are wide."""

from fallkit import FPS, GROUP_S, WIDTHS, fall
from moqkit import *
from test_switching import check_seamless

SECONDS, FALL, RISE = 50, 8, 16
DOWN_GROUPS, UP_S = 6, 33  # quiet: 1, and 6


def a_viewer_whose_link_falls_goes_down_and_up_again():
    outcome = fall(SECONDS, FALL, RISE, "latency: 10s, order: oldest")
    check_equal(outcome.statuses, (0, 0), f"exit statuses: {outcome.exports}")
    check_seamless(outcome.paths[0], SECONDS * FPS)
    changes = outcome.changes()
    down = [pts for pts, width in changes if pts > outcome.fell and width == WIDTHS[-1]]
    check(down and down[0] // GROUP_S <= outcome.fell // GROUP_S + DOWN_GROUPS, f"it fell at {outcome.fell} s, and the changes were {changes}")
    up = [pts for pts, width in changes if pts > outcome.rose and width > WIDTHS[-1]]
    check(up and up[0] <= outcome.rose + UP_S, f"it rose at {outcome.rose} s, and the changes were {changes}")
    check_equal(outcome.missing(), 0, "pictures that are missing")

    check_seamless(outcome.paths[1], SECONDS * FPS)
    check_equal({width for _, width, _ in outcome.beside}, {WIDTHS[0]}, "widths of the viewer beside")
    for counter in ("groups_skipped", "groups_reset"):
        check_equal(outcome.stats[counter], 0, counter)


TESTS = [a_viewer_whose_link_falls_goes_down_and_up_again]
