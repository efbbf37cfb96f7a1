# SPDX-License-Identifier: MIT OR Apache-2.0
"""Pages with <moq-publish>, whose camera and microphone are made up by the browser, and what strict readers find in what they publish."""

import json
import signal

from playerkit import *

PUBLISH_SCRIPT = '<script type="module" src="/dist/moq-publish.js"></script>'
PUBLISH_LISTEN = """<script>
    globalThis.told = [];
    for (const type of ["publish", "unpublish", "error"])
        publisher.addEventListener(type, ({ error }) => told.push({ type, code: error?.code }));
</script>"""
PUBLISH_ELEMENT = '<moq-publish id="publisher" src="{src}" width="{width}" height="{height}" {attributes}></moq-publish>'
ME = "/demo/me"


class Publishing(Page):
    """A page with one element, which publishes `path` on the relay."""

    ABOUT = "[globalThis.publisher?.state, globalThis.publisher?.stats, globalThis.told]"

    def __init__(self, relay, attributes='source="camera"', path=ME, src=None, size=(640, 480), **options):
        address = relay.url(path, "http") if src is None else src
        element = PUBLISH_ELEMENT.format(src=address, width=size[0], height=size[1], attributes=attributes)
        super().__init__(element + PUBLISH_LISTEN + PUBLISH_SCRIPT, **options)
        self.until("() => !!customElements.get('moq-publish')", 20, "there is no <moq-publish>")

    def wait_live(self, renditions=1, seconds=20):
        """Waits until it is published, with so many renditions."""
        self.until("(count) => publisher.state.status === 'live' && publisher.state.renditions.length === count", seconds, "it is not published", renditions)

    def state(self):
        return self.run("() => publisher.state")

    def stats(self):
        return self.run("() => publisher.stats")

    def told(self):
        return self.run("() => told")

    def set(self, name, value):
        self.run("(name, value) => publisher.setAttribute(name, value)", name, value)


def record(relay, path, seconds, name, *more):
    """What moq-karp writes of a broadcast in so many seconds of watching."""
    file = scratch(name)
    viewer = subscriber(relay.url(path), file, *more)
    time.sleep(seconds)
    viewer.end(signal.SIGINT)
    return file


def noisy_clip():
    """The name of a clip that needs all the bits that an encoder may use."""
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x480:rate=30:duration=6,noise=alls=8:allf=t", "-f", "lavfi", "-i", "sine=frequency=500:duration=6"]
    codecs = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-c:a", "aac"]
    return os.path.basename(clips.cached("noise", source + codecs, lambda path: clips.ffmpeg(*source, *codecs, path)))
