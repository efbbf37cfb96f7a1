# SPDX-License-Identifier: MIT OR Apache-2.0
"""How late it is: pictures bear the time at which they were made, and the page looks at its own clock. Bounds are wide, the figures are
printed."""

from playerkit import *

CLOCK = 1 << 24  # numbers of LivePublisher begin again there


def ages(viewer, seconds):
    """How many milliseconds old each picture was when it was seen."""
    return [(one["wall"] - one["number"]) % CLOCK for one in viewer.watch(PICTURE, seconds)]


def live(relay):
    publisher = clips.LivePublisher(relay.url(PATH))
    wait_until(lambda: relay.stats()["announcements"] > 0, 20, f"it is not announced: {publisher.karp.err[-5:]}")
    return publisher


def from_glass_to_glass_it_takes_little_more_than_the_latency():
    relay = Relay()
    publisher = live(relay)
    with Viewer(relay, attributes='latency="200"') as viewer:
        viewer.wait_for_picture()
        time.sleep(3)
        found = sorted(ages(viewer, 5))
        statistics = viewer.statistics()
    median, late = found[len(found) // 2], found[len(found) * 95 // 100]
    print(f"           glass to glass {median:.0f} ms (median), {late:.0f} ms (95 of 100) at a latency of 200 ms", flush=True)
    check(median < 600, f"pictures are {median:.0f} ms old: {statistics}")
    publisher.end()
    relay.stop()


def a_new_latency_takes_effect():
    relay = Relay()
    publisher = live(relay)
    with Viewer(relay, attributes='latency="200"') as viewer:
        viewer.wait_for_picture()
        time.sleep(2)
        before = statistics_of(ages(viewer, 1))
        viewer.run("() => { player.latency = 1500; }")
        viewer.watch(PICTURE, 4)
        after = statistics_of(ages(viewer, 1))
        viewer.run("() => { player.latency = 200; }")
        viewer.watch(PICTURE, 4)
        again = statistics_of(ages(viewer, 1))
    print(f"           {before:.0f} ms, then {after:.0f} ms, then {again:.0f} ms", flush=True)
    check(after > before + 500, f"pictures were {before:.0f} ms old, and {after:.0f} ms when the latency was higher by 1300 ms")
    check(again < after - 500, f"pictures were {after:.0f} ms old, and {again:.0f} ms when the latency was lower by 1300 ms")
    publisher.end()
    relay.stop()


def statistics_of(found):
    return statistics.median(found)


def who_joins_has_a_picture_soon():
    relay = Relay()
    publisher = publish(relay, "long")
    with Viewer(relay, src="", attributes="") as viewer:
        took = viewer.run("""async (src) => {
            const begin = performance.now();
            player.src = src;
            for (;;) {
                await new Promise(requestAnimationFrame);
                const canvas = player.querySelector("canvas");
                if (canvas && kit.look(canvas).number !== undefined) return performance.now() - begin;
            }
        }""", relay.url(PATH, "http"))
    print(f"           the first picture after {took:.0f} ms", flush=True)
    check(took < 3000, f"the first picture came after {took:.0f} ms")
    publisher.kill()
    relay.stop()


TESTS = [from_glass_to_glass_it_takes_little_more_than_the_latency, a_new_latency_takes_effect, who_joins_has_a_picture_soon]
FIREFOX = TESTS
