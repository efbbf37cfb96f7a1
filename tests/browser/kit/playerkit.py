# SPDX-License-Identifier: MIT OR Apache-2.0
"""Pages with <moq-video> that watch what clips.py makes and moq-karp publishes, and what they show of it."""

from browserkit import *

PATH = "/demo/clip"
SCRIPT = '<script type="module" src="/dist/moq-video.js"></script>'
LISTEN = """<script>
    globalThis.told = [];
    for (const type of ["error", "playing", "waiting", "loadedmetadata", "resize"])
        player.addEventListener(type, () => told.push({ type, at: performance.now(), error: player.error?.message, reason: player.error?.reason }));
</script>"""
ELEMENT = '<moq-video id="player" src="{src}" {attributes}></moq-video>'
# Canvas and figures of the element with this id, for JavaScript.
PICTURE = "player.querySelector('canvas')"


def publish(relay, name, *more, path=PATH, loop=True):
    """ffmpeg | moq-karp publish of a clip, again and again; it is announced when this returns."""
    clip = clips.CLIPS.get(name)
    before = relay.stats()["announcements"]
    url = relay.url(path)
    karp = [program("moq-karp"), "--tls-disable-verify", "publish", url, *(clip.publish if clip else ()), *more]
    source = clips.ladder() if name == "ladder" else clips.path_of(name)
    publisher = Publisher(url, source, *(["-stream_loop", "-1"] if loop else []), karp=karp, maps=["-map", "0"])
    wait_until(lambda: relay.stats()["announcements"] > before or not publisher.karp.is_running(), 20, "it is not announced")
    check(publisher.karp.is_running() or not loop, f"moq-karp publish has ended: {publisher.karp.err[-5:]}")
    return publisher


class Viewer(Page):
    """A page with one element, which watches `path` of the relay."""

    ABOUT = "globalThis.player?.state"

    def __init__(self, relay, path=PATH, attributes="", src=None, **options):
        address = relay.url(path, "http") if src is None else src
        super().__init__(ELEMENT.format(src=address, attributes=attributes) + LISTEN + SCRIPT, **options)
        self.until("() => !!customElements.get('moq-video')", 20, "there is no <moq-video>")

    def wait_for_playing(self, seconds=20):
        self.until("() => player.state.status === 'playing'", seconds, "it does not play")

    def wait_for_picture(self, seconds=20):
        """Waits for a picture with a number, and returns the number."""
        self.wait_for_playing(seconds)
        return self.until(f"() => kit.look({PICTURE}).number", seconds, "no picture has a number")

    def wait_for_next(self, seconds=10, of=lambda number: True):
        """Waits for a picture of another number, for which `of` holds."""
        old = self.run(f"() => kit.look({PICTURE}).number ?? -1")
        found = []

        def comes():
            found[:] = [self.run(f"() => kit.look({PICTURE}).number ?? -1")]
            return found[0] not in (old, -1) and of(found[0])

        try:
            wait_until(comes, seconds, f"no new picture came after {old}")
        except Failure as why:
            raise Failure(f"{why}; its state is {self.state()}") from None
        return found[0]

    def state(self):
        return self.run("() => player.state")

    def statistics(self):
        return self.run("() => player.getStatistics()")

    def told(self, kind):
        return [event for event in self.run("() => told") if event["type"] == kind]


def check_plays(viewer, name, least=30):
    """Picture and sound are the clip's, as its codec allows."""
    clip = clips.CLIPS[name]
    if clip.video:
        viewer.wait_for_picture()
        viewer.wait_for_next()
        check_picture(viewer, PICTURE, name, least)
    else:
        viewer.wait_for_playing()
    if clip.audio:
        check_sound(viewer, name)


def check_sound(viewer, name, seconds=5):
    """Sound like the clip's is heard. While playback catches up it is stretched, and less alike."""
    viewer.until("() => heard.contexts[0]?.blocks.length > 500", 10, "no sound is played")
    found = []

    def is_alike():
        found.append(viewer.likeness_of_sound(clips.path_of(name)))
        return found[-1][0] > 0.8

    try:
        wait_until(is_alike, seconds, "its sound is not the source's")
    except Failure as why:
        raise Failure(f"{why}: likeness and loudness were {found[-5:]}; {viewer.statistics()}") from None
