# SPDX-License-Identifier: MIT OR Apache-2.0
"""It survives: relays and publishers that end and come back, other sizes, lost tabs, elements that come and go."""

from playerkit import *

# What a page says when its session breaks is the browser's own; it is not an exception of ours.
LOST = r"net::ERR_|Failed to load resource|WebTransport|NetworkError|CORS"


def a_relay_that_is_restarted_is_found_again():
    relay = Relay()
    publisher = publish(relay, "h264")
    with Viewer(relay, expected=LOST) as viewer:
        viewer.wait_for_picture()
        publisher.kill()
        relay.stop()
        viewer.until("() => player.state.status !== 'playing'", 20, "it is still playing")
        relay = Relay(port=relay.port)
        publisher = publish(relay, "60")
        viewer.wait_for_playing(30)
        viewer.wait_for_next(30)
        check_equal(viewer.told("error"), [], "errors of the element")
    publisher.kill()
    relay.stop()


def a_publisher_that_is_restarted_is_followed():
    relay = Relay()
    publisher = publish(relay, "h264")
    with Viewer(relay) as viewer:
        viewer.wait_for_picture()
        publisher.kill()
        wait_until(lambda: relay.stats()["announcements"] == 0, 20, "the broadcast is still announced")
        time.sleep(1)
        publisher = publish(relay, "25")
        viewer.wait_for_next(20)
        viewer.wait_for_playing()
        wait_until(lambda: is_shown(viewer, "25"), 10, "what is shown is not of the new publisher")
        check_equal(viewer.told("error"), [], "errors of the element")
    publisher.kill()
    relay.stop()


def is_shown(viewer, name):
    """Whether a picture like the clip's is there. Pictures of two clips of the same number differ by the time that they show."""
    try:
        check_picture(viewer, PICTURE, name)
        return True
    except Failure:
        return False


def a_newer_publisher_of_another_size_and_codec_is_followed():
    relay = Relay()
    first = publish(relay, "h264")
    with Viewer(relay) as viewer:
        viewer.wait_for_picture()
        second = publish(relay, "odd")
        viewer.until("() => player.videoWidth === 321 && player.videoHeight === 241", 20, "the size has not changed")
        wait_until(lambda: is_shown(viewer, "odd"), 10, "what is shown is not of the new publisher")
        second.kill()  # and back to the older one
        viewer.until("() => player.videoWidth === 320 && player.videoHeight === 180", 20, "it has not gone back")
        wait_until(lambda: is_shown(viewer, "h264"), 10, "what is shown is not of the old publisher")
        check_equal(viewer.told("error"), [], "errors of the element")
    first.kill()
    relay.stop()


def a_broadcast_that_begins_later_is_played():
    relay = Relay()
    with Viewer(relay) as viewer:
        viewer.until("() => player.state.status === 'offline'", 20, "it does not say that nobody publishes")
        publisher = publish(relay, "h264")
        viewer.wait_for_picture()
    publisher.kill()
    relay.stop()


def renditions_can_be_chosen_by_hand():
    relay = Relay()
    publisher = publish(relay, "ladder", "--auto")
    with Viewer(relay) as viewer:
        viewer.wait_for_picture()
        names = {rendition["width"]: rendition["name"] for rendition in viewer.state()["renditions"]}
        check(set(names) >= {640, 320, 160}, f"renditions: {names}")
        for width in (160, 640, 320):
            viewer.run("(name) => { player.rendition = name; }", names[width])
            viewer.until("(width) => player.videoWidth === width", 20, f"the rendition of {width} is not shown; {viewer.state()}", width)
            viewer.wait_for_next()
        check_equal(viewer.told("error"), [], "errors of the element")
    publisher.kill()
    relay.stop()


def sessions(relay):
    return relay.stats()["sessions"]


def an_element_that_comes_and_goes_leaves_nothing_behind():
    relay = Relay()
    publisher = publish(relay, "h264")
    idle = sessions(relay)
    with Viewer(relay) as viewer:
        def come_and_go(times):
            viewer.run("""async (times) => {
                for (let i = 0; i < times; i++) {
                    const element = document.createElement("moq-video");
                    element.src = player.src;
                    document.body.append(element);
                    await new Promise((done) => setTimeout(done, i % 10 === 0 ? 400 : 20));
                    element.remove();
                }
                await new Promise((done) => setTimeout(done, 1000));
            }""", times, seconds=60)
            return viewer.metrics()

        viewer.wait_for_picture()
        before = come_and_go(20)
        after = come_and_go(100)
        check_equal(after["Workers"], before["Workers"], "workers that are left")
        wait_until(lambda: sessions(relay) == idle + 1, 20, f"{sessions(relay)} sessions are left, of {idle + 1}")
        grown = (after["JSHeapUsedSize"] - before["JSHeapUsedSize"]) / 1e6
        check(grown < 4, f"the heap has grown by {grown:.1f} MB")
        check(after["Nodes"] < before["Nodes"] + 500, f"{before['Nodes']} nodes became {after['Nodes']}")
        viewer.wait_for_next()
    wait_until(lambda: sessions(relay) == idle, 20, "the page's session is left")
    publisher.kill()
    relay.stop()


def long_play_does_not_grow():
    relay = Relay()
    publisher = publish(relay, "long")
    minutes = float(os.environ["MOQ_MINUTES"])
    with Viewer(relay) as viewer:
        viewer.wait_for_picture()
        time.sleep(5)
        before = viewer.metrics()
        deadline = time.monotonic() + minutes * 60
        while time.monotonic() < deadline:
            viewer.wait_for_next()
            time.sleep(1)
        after, statistics = viewer.metrics(), viewer.statistics()
        grown = (after["JSHeapUsedSize"] - before["JSHeapUsedSize"]) / 1e6
        check(grown < 4, f"the heap has grown by {grown:.1f} MB in {minutes} minutes")
        check_equal(after["Workers"], before["Workers"], "workers")
        check_equal(viewer.told("error"), [], "errors of the element")
        print(f"           {minutes} minutes: {grown:+.2f} MB, {statistics['audioUnderruns']} underruns, {statistics['framesLate']} late, "
              f"{statistics['framesDropped']} dropped", flush=True)
    publisher.kill()
    relay.stop()


ANYWHERE = [a_relay_that_is_restarted_is_found_again, a_publisher_that_is_restarted_is_followed,
            a_newer_publisher_of_another_size_and_codec_is_followed, a_broadcast_that_begins_later_is_played, renditions_can_be_chosen_by_hand]
TESTS = [*ANYWHERE, an_element_that_comes_and_goes_leaves_nothing_behind]
if "MOQ_MINUTES" in os.environ:  # 10 show whether it grows
    TESTS.append(long_play_does_not_grow)
FIREFOX = ANYWHERE
