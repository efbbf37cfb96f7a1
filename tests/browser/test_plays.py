# SPDX-License-Identifier: MIT OR Apache-2.0
"""It plays: what <moq-video> shows and plays is what was published, picture and sound at the same time, in each form in which media
come."""

from playerkit import *

OFFSET_MS = 40  # between picture and sound; quiet: 10
BUSY_MS = 40  # of that, for a machine that is busy


def plays(name, **options):
    relay = Relay()
    publisher = publish(relay, name)
    with Viewer(relay, **options) as viewer:
        check_plays(viewer, name)
        clip = clips.CLIPS[name]
        if clip.video:
            size = viewer.run("() => [player.videoWidth, player.videoHeight]")
            check_equal(size, list(clip.shown_size()), f"size of {name} as the element tells it")
    publisher.kill()
    relay.stop()


def it_plays_picture_and_sound():
    plays("h264")


def it_plays_in_an_isolated_page():
    plays("reordered", isolated=True)


def codec(name):
    def test():
        plays(name)
    test.__name__ = f"it_plays_{name}"
    return test


def pictures_come_in_order_and_none_is_missing():
    relay = Relay()
    publisher = publish(relay, "long")
    with Viewer(relay) as viewer:
        viewer.wait_for_picture()
        time.sleep(2)
        seen = viewer.watch(PICTURE, 5)
        numbers = [one["number"] for one in seen]
        statistics = viewer.statistics()
    check(numbers == sorted(numbers), f"pictures came out of order: {numbers}")
    check(len(numbers) > 0.6 * (numbers[-1] - numbers[0]), f"of {numbers[-1] - numbers[0]} pictures, {len(numbers)} were seen")
    check_equal(statistics["groupsSkipped"], 0, "groups that were skipped")
    publisher.kill()
    relay.stop()


def sound_comes_with_its_picture(isolated=False):
    relay = Relay()
    publisher = publish(relay, "long")
    with Viewer(relay, isolated=isolated) as viewer:
        viewer.wait_for_picture()
        time.sleep(3)  # until the latency is reached, playback is a little faster or slower
        late = sound_after_picture(viewer, PICTURE, 6)
        statistics = viewer.statistics()
    check(abs(late) < OFFSET_MS + BUSY_MS, f"a beep comes {late:.0f} ms after its flash; {statistics}")
    publisher.kill()
    relay.stop()


def sound_comes_with_its_picture_in_an_isolated_page():
    sound_comes_with_its_picture(isolated=True)


def sound_goes_on_when_the_page_was_busy():
    relay = Relay()
    publisher = publish(relay, "long")
    with Viewer(relay) as viewer:
        viewer.wait_for_picture()
        for _ in range(6):
            viewer.run("() => { const end = performance.now() + 400; while (performance.now() < end); }")
            time.sleep(0.5)
        time.sleep(2)
        likeness, loudest = viewer.likeness_of_sound(clips.path_of("long"))
        check(loudest > 0.02, f"there is silence after the page was busy ({likeness:.2f}): {viewer.statistics()}")
    publisher.kill()
    relay.stop()


OFTEN = ("in-band", "vp9", "av1", "odd", "rotated")
WHERE_THERE_IS_TIME = ("vp9-10", "av1-10", "wide-pixels", "mono", "surround", "25", "60", "silent", "sound")
CODECS = [codec(name) for name in (*OFTEN, *(WHERE_THERE_IS_TIME if LONG else ()))]
TESTS = [it_plays_picture_and_sound, it_plays_in_an_isolated_page, pictures_come_in_order_and_none_is_missing,
         sound_goes_on_when_the_page_was_busy, sound_comes_with_its_picture, sound_comes_with_its_picture_in_an_isolated_page, *CODECS]
NOT_IN_FIREFOX = {"it_plays_vp9-10"}  # it claims to decode that, and refuses
FIREFOX = [test for test in TESTS if test.__name__ not in NOT_IN_FIREFOX]
