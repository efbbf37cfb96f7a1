# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a browser lets a page play before anybody has clicked: pictures, and no sound."""

from playerkit import *

LOG = """<script>
    globalThis.seen = [];
    setInterval(() => {
        const { status = "none", isSoundBlocked = false, isMuted = false } = player.state ?? {};
        seen.push({ status, isSoundBlocked, isMuted, contexts: heard.contexts.map(({ context }) => context.state) });
    }, 100);
</script>"""


def sound_waits_for_a_click_and_pictures_do_not():
    relay = Relay()
    publisher = publish(relay, "h264")
    browser = Browser(env={"MOQ_AUTOPLAY": "ask"})
    element = ELEMENT.format(src=relay.url(PATH, "http"), attributes="controls autoplay")
    with Page(element + LOG + SCRIPT, browser=browser, is_alone=True) as page:
        wait_until(lambda: relay.stats()["viewers"] >= 2, 20, "nobody watches picture and sound")
        time.sleep(4)
        seen = page.run("() => seen")
        playing = [one for one in seen if one["status"] == "playing"]
        check(playing, f"it does not play by itself: {seen[-3:]}")
        check(all("running" not in one["contexts"] for one in playing), f"sound begins by itself: {playing[-3:]}")
        check(playing[-1]["isSoundBlocked"] and not playing[-1]["isMuted"], f"nobody is told that sound is held back: {playing[-3:]}")
        page.click("moq-video .unmute")
        page.until("() => !player.state.isSoundBlocked", 20, "the click changes nothing")
        page.until("() => heard.contexts[0]?.blocks.length > 200", 20, "no sound is played")
        wait_until(lambda: page.likeness_of_sound(clips.path_of("h264"))[0] > 0.8, 20, "its sound is not the source's")
    browser.close()
    publisher.kill()
    relay.stop()


TESTS = [sound_waits_for_a_click_and_pictures_do_not]
