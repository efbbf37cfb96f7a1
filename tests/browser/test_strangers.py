# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the Rust programs of January and February 2025 publish plays, too. dev/peers has built them, for tests/interop. They
know no Opus and no B-frames."""

from playerkit import *


def stranger_plays(name):
    peer = os.path.join(CACHE, "peers", name, "bin", "moq-karp")
    if not os.path.exists(peer):
        raise Skipped(f"{name} is not built: run dev/peers")
    relay = Relay()
    url = relay.url(PATH)
    publisher = Publisher(url, clips.path_of("h264"), "-stream_loop", "-1", karp=[peer, "--tls-disable-verify", "publish", url])
    with Viewer(relay) as viewer:
        check_plays(viewer, "h264")
    publisher.kill()
    relay.stop()


def what_a_02_karp_publishes_plays():
    stranger_plays("moq-karp-0.12.1")


def what_a_04_karp_publishes_plays():
    stranger_plays("moq-karp-0.13.0")


TESTS = [what_a_02_karp_publishes_plays, what_a_04_karp_publishes_plays]
