# SPDX-License-Identifier: MIT OR Apache-2.0
"""<moq-publish> behind a link that is slower than its encoders: what is sent stays near live, and is fewer bits."""

import threading

from linkkit import *
from publishkit import *

FAST, SLOW = "50mbit", "500kbit"


class FarRelay(Relay):
    """A relay behind a link: what pages send to it is slowed down."""

    def __init__(self, link):
        self.link, port = link, free_port()
        super().__init__(port=port, argv=link.inside([program("moq-relay"), "--dev", "--bind", f"[::]:{port}"]))

    def get(self, path, seconds=30):
        with urllib.request.urlopen(f"http://{self.link.far_address}:{self.port}{path}", timeout=seconds) as answer:
            return answer.read().decode()

    def url(self, path="", scheme="https"):
        return f"{scheme}://{self.link.far_address}:{self.port}{path}"


def boxes(stream):
    """(type, payload) of each box at the top of an MP4 that is still being written."""
    while True:
        head = stream.read(8)
        if len(head) < 8:
            return
        yield head[4:], stream.read(int.from_bytes(head[:4], "big") - 8)


def times_of(moof):
    """The decode times of video (in microseconds), which is track 1."""
    at = moof.find(b"tfhd")
    if int.from_bytes(moof[at + 8:at + 12], "big") == 1:
        at = moof.find(b"tfdt")
        yield int.from_bytes(moof[at + 8:at + 16], "big") / 1e6


class FarViewer:
    """moq-karp beside the relay; notes when each picture comes."""

    def __init__(self, relay, path):
        argv = relay.link.inside([program("moq-karp"), "--tls-disable-verify", "subscribe", relay.url(path), "--latency", "100ms"])
        self.popen = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.came = []  # (time of arrival, time of the picture), in seconds
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for kind, payload in boxes(self.popen.stdout):
            if kind == b"moof":
                self.came += [(time.monotonic(), us) for us in times_of(payload)]

    def delays(self, since):
        """How late the pictures were that came since then."""
        return [at - us for at, us in list(self.came) if at >= since]

    def end(self):
        self.popen.terminate()
        self.popen.wait(20)


class Case:
    """A page that publishes to a relay behind a link, and a viewer beside the relay."""

    def __init__(self, page, relay):
        self.page, self.viewer, self.usual = page, FarViewer(relay, ME), 0
        wait_until(lambda: len(self.viewer.came) > 20, 20, f"no pictures come: {page.stats()}")
        time.sleep(4)
        self.usual = statistics.median(self.viewer.delays(time.monotonic() - 3))

    def look(self, words, seconds=2):
        """How late pictures are compared with before, the median of so many seconds, and the bits per second."""
        time.sleep(seconds)
        late = [delay - self.usual for delay in self.viewer.delays(time.monotonic() - seconds)]
        stats = self.page.stats()
        median = statistics.median(late) if late else float("inf")
        print(f"           {words}: {len(late) / seconds:4.1f} pictures a second, late by {median:.2f} s, at most {max(late, default=0):.2f} s; "
              f"{stats['bitrateBps'] / 1000:.0f} kb/s, {stats['framesDropped']} dropped", flush=True)
        return median, stats["bitrateBps"]


def a_slow_link_makes_fewer_bits_and_little_delay():
    link = Link(FAST)
    relay = FarRelay(link)
    source = f'source="file" file="/clips/{noisy_clip()}" framerate="20" bitrate="1200000" controls'
    with Publishing(relay, source) as page:
        page.wait_live()
        case = Case(page, relay)
        _, usual_bps = case.look("50 Mb/s")
        link.set_rate(SLOW)
        looks = [case.look(f"{SLOW}, {2 * i + 2:2} s") for i in range(8)]
        late, bps = min(looks[-4:])
        check(late < 1.5, f"pictures stay late by {late:.2f} s")
        check(bps < 0.7 * usual_bps, f"encoders made {usual_bps} b/s, and make {bps} where {SLOW} are carried")
        check(page.state()["isNetworkSlow"], f"the state does not say that the network is slow: {page.state()}")
        check("The network is slow" in page.run("() => publisher.shadowRoot.querySelector('.status').textContent"), "people are not told")
        link.set_rate(FAST)
        looks = [case.look(f"{FAST}, {2 * i + 2:2} s") for i in range(3)]
        check(min(looks)[0] < 0.5, f"pictures are late by {min(looks)[0]:.2f} s on a fast link")
        page.until("(bps) => publisher.stats.bitrateBps > bps", 60, "encoders do not get their bits back", 1.3 * bps)
        case.viewer.end()
    relay.stop()
    link.end()


TESTS = [a_slow_link_makes_fewer_bits_and_little_delay]
