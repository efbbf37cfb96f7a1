# SPDX-License-Identifier: MIT OR Apache-2.0
"""Both renditions of a page that publishes with `ladder` are watched: by hand, by the player's own estimate, and as the relay moves its
viewers."""

from linkkit import *
from publishkit import *

HIGH, LOW = 480, 240
FAST, SLOW = "50mbit", "800kbit"  # the high one takes 1.3 Mb/s with its sound, the low one 0.5


class Ladder(Publishing):
    def __init__(self, relay):
        super().__init__(relay, f'source="file" file="/clips/{noisy_clip()}" framerate="20" bitrate="1200000" ladder')
        self.wait_live(2, 40)
        check_equal([rendition["height"] for rendition in self.state()["renditions"]], [HIGH, LOW], "heights")


def wait_for_height(viewer, height, why, seconds=30):
    viewer.until("(height) => player.videoHeight === height", seconds, f"{why}: the picture is not of {height} lines", height)
    viewer.run("() => { globalThis.seen = player.currentTime; }")
    viewer.until("() => player.currentTime > seen + 1", 20, f"{why}: the picture stands still")


def check_chosen(viewer, name, by):
    viewer.until("([name, by]) => { const { rendition } = player.state; return rendition?.name === name && rendition.chosenBy === by; }", 20,
                 f"the rendition is not {name}, chosen by the {by}", [name, by])


def by_hand():
    relay = Relay()
    with Ladder(relay), Viewer(relay, path=ME, attributes='muted rendition="video-low"') as viewer:
        wait_for_height(viewer, LOW, "at first")
        check_chosen(viewer, "video-low", "viewer")
        viewer.run("() => { player.rendition = 'video'; }")
        wait_for_height(viewer, HIGH, "when the other is chosen")
        check_chosen(viewer, "video", "viewer")
        check_equal(viewer.told("error"), [], "errors of the element")
    relay.stop()


def behind_a_link(relay, rendition, check_it):
    """`check_it` has a viewer whose link it can change."""
    link = Link(FAST)
    browser = Browser(behind=link)
    try:
        src = f"http://{link.address}:{relay.port}{ME}"
        with Ladder(relay), Viewer(relay, src=src, attributes=f'muted rendition="{rendition}"', browser=browser) as viewer:
            check_it(viewer, link)
            check_equal(viewer.told("error"), [], "errors of the element")
    finally:
        browser.close()
        link.end()


def by_the_players_own_estimate():
    relay = Relay()

    def check_it(viewer, link):
        wait_for_height(viewer, HIGH, "on a fast link")
        check_chosen(viewer, "video", "player")
        link.set_rate(SLOW)
        wait_for_height(viewer, LOW, "on a slow link")
        check_chosen(viewer, "video-low", "player")

    behind_a_link(relay, "auto", check_it)
    relay.stop()


def as_the_relay_moves_its_viewers():
    """The viewer asks for the high one by name; a relay with these modules moves whoever can follow."""
    port = free_port()
    with open(scratch("ladder.yaml"), "w") as file:
        file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp: {{ address: listen }}\n'
                   "policy: { latency: 6s, order: oldest }\nmodules: [ladder, lua]\n")
    relay = Relay(port=port, argv=[program("moq-relay"), scratch("ladder.yaml")])

    def check_it(viewer, link):
        wait_for_height(viewer, HIGH, "on a fast link")
        link.set_rate(SLOW)
        wait_for_height(viewer, LOW, "on a slow link")
        check_chosen(viewer, "video", "viewer")
        link.set_rate(FAST)
        wait_for_height(viewer, HIGH, "on a fast link again", 60)
        check(relay.stats()["switches_total"] >= 2, f"the relay has moved nobody: {relay.stats()}")

    behind_a_link(relay, "video", check_it)
    check_equal(relay.stats()["switches_failed_total"], 0, "moves that failed")
    relay.stop()


TESTS = [by_hand, by_the_players_own_estimate, as_the_relay_moves_its_viewers]
