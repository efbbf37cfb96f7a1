# SPDX-License-Identifier: MIT OR Apache-2.0
"""Pages that came by https: from a relay whose certificate the browser does not know, after the visitor has clicked through the warning.
That is an exception for HTTPS and none for WebTransport, so players have to pin, in pages and in workers."""

import json

from publishkit import *
from test_demo import loop, playing, relay_with_page

# Of the first try, which nobody can keep a browser from telling.
FIRST_TRY = r"net::ERR_QUIC_PROTOCOL_ERROR|Opening handshake failed|WebTransport connection rejected"
LOST = r"net::ERR_|Failed to load resource|WebTransport|fetch|CORS"


class Site(Relay):
    """A relay that serves the player, what tests measure with, and pages of theirs."""

    def __init__(self, certificate="self_signed: [localhost]"):
        self.folder, port = scratch("site"), free_port()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(player_folder(), os.path.join(self.folder, "dist"))
        shutil.copytree(HERE, os.path.join(self.folder, "kit"))
        with open(scratch("site.yaml"), "w") as file:
            file.write(f'listen: [{{ address: "[::]:{port}", {certificate} }}]\n'
                       f"http: {{ address: listen, tls: true, files: {json.dumps(self.folder)} }}\n")
        super().__init__(port=port, argv=[program("moq-relay"), scratch("site.yaml")])

    def write(self, name, html):
        """The address of a page."""
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(f"{HEAD}{html}{MEASURE}")
        return self.url(f"/{name}")


def distrusted(relay):
    """How often a browser has refused the certificate."""
    return relay.stats()["listeners"][0]["handshakes_distrusted"]


class SecureViewer(Viewer):
    def __init__(self, relay, path=PATH, **options):
        html = ELEMENT.format(src=relay.url(path), attributes="") + LISTEN + SCRIPT
        Page.__init__(self, path=relay.write("viewer.html", html), excuse=True, **options)
        self.until("() => globalThis.isReady && !!customElements.get('moq-video')", 20, "there is no <moq-video>")


class SecurePublishing(Publishing):
    def __init__(self, relay, **options):
        element = PUBLISH_ELEMENT.format(src=relay.url(ME), width=320, height=240, attributes='source="camera"')
        Page.__init__(self, path=relay.write("publishing.html", element + PUBLISH_LISTEN + PUBLISH_SCRIPT), excuse=True, **options)
        self.until("() => !!customElements.get('moq-publish')", 20, "there is no <moq-publish>")


def a_player_plays_and_comes_back():
    """Also when it knows how the relay is trusted, and that has another certificate by then."""
    relay = Site()
    publisher = publish(relay, "h264")
    with SecureViewer(relay, expected=f"{FIRST_TRY}|{LOST}") as viewer:
        check_plays(viewer, "h264")
        check_equal(viewer.told("error"), [], "errors")
        fingerprint = relay.get("/fingerprint")
        publisher.kill()
        relay.stop()
        viewer.until("() => player.state.error?.code === 'unreachable'", 30, "the player does not notice")
        check(f"accept it once at {relay.url('/fingerprint')}" in viewer.state()["error"]["message"], f"what to do: {viewer.state()['error']}")
        again = Relay(port=relay.port, argv=relay.popen.args)
        check(again.get("/fingerprint") != fingerprint, "the certificate is the one from before")
        publisher = publish(again, "h264")
        viewer.wait_for_next(60)
    publisher.kill()
    again.stop()


def a_camera_is_published():
    relay = Site()
    with SecurePublishing(relay, expected=FIRST_TRY) as page:
        page.wait_live()
        check_equal([event["type"] for event in page.told()], ["publish"], "what the element tells")
        with SecureViewer(relay, ME, expected=FIRST_TRY) as viewer:
            viewer.wait_for_playing()
            viewer.until(f"() => {PICTURE}.width === 320 && {PICTURE}.height === 240", 20, "there is no picture of the camera's size")
    relay.stop()


def the_page_of_the_relay_lists_and_plays():
    relay = relay_with_page(loop(), tls=True)
    with Page(path=relay.url("/"), excuse=True, expected=FIRST_TRY) as page:
        page.until("() => document.querySelector('.card span')?.textContent === 'demo/clip'", 20, "the broadcast is not listed")
        playing(page)
        check_equal(page.run("() => document.querySelector('moq-video').getAttribute('src')"), relay.url("/demo/clip"), "what is played")
        page.run("() => document.querySelector('.card').scrollIntoView()")
        page.until("""() => {
            const still = document.querySelector(".card canvas");
            const { data } = still.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, still.width, still.height);
            return data.some((byte, i) => i % 4 < 3 && byte > 100);
        }""", 20, "its card has no picture")
        commands = page.run("() => document.querySelector('#stage').textContent")
        check(f"moq-karp subscribe {relay.url('/demo/clip', 'http')}" in commands, f"programs are not told to pin: {commands}")
        page.run("() => { location.hash = '#/publish/demo/me'; }")
        page.until(f"() => document.querySelector('moq-publish')?.getAttribute('src') === '{relay.url('/demo/me')}'", 10, "the page to publish from")
        page.run("() => document.querySelector('moq-publish').setAttribute('source', 'camera')")
        page.until("() => document.querySelector('moq-publish').state?.status === 'live'", 30, "nothing is published")
        page.until("() => [...document.querySelectorAll('.card span')].some((name) => name.textContent === 'demo/me')", 20, "it is not listed")
        if KIND == "chromium":  # Firefox ends such a handshake without an alert
            check_equal(distrusted(relay), 1, "tries without a pin: what the list has found out is for the players too")
    relay.stop()


def a_certificate_that_lasts_too_long_to_be_pinned_is_told_of():
    """And the first error is the one that is told; an exception is no help here, and only an authority would be."""
    cert, key = scratch("long.pem"), scratch("long.key")
    status, _, err = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                          "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert])
    check_equal(status, 0, f"openssl: {err}")
    relay = Site(f"certificates: [{{ cert: {cert}, key: {key} }}]")
    with SecureViewer(relay, expected=f"{FIRST_TRY}|{LOST}") as viewer:
        viewer.until("() => player.state.error?.code === 'unreachable'", 30, "the player does not tell")
        check(viewer.state()["error"]["isTransient"], "it is not tried again")
        refused = distrusted(relay)
        wait_until(lambda: distrusted(relay) >= refused + 2, 30, "it is not tried again")
        check_equal(relay.stats()["sessions_total"], 0, "sessions")
    relay.stop()


TESTS = [a_player_plays_and_comes_back, a_camera_is_published, the_page_of_the_relay_lists_and_plays,
         a_certificate_that_lasts_too_long_to_be_pinned_is_told_of]
FIREFOX = TESTS
