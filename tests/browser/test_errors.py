# SPDX-License-Identifier: MIT OR Apache-2.0
"""What goes wrong is told: in words that say what to do, as an event, and never as an exception that nobody catches."""

from authkit import *
from playerkit import *

REFUSED = r"net::ERR_|Failed to load resource|WebTransport|NetworkError|CORS|Opening handshake|Failed to establish"
# A browser without it has it neither in pages nor in workers, whose code comes from a blob.
WITHOUT = """(() => {
    const forget = `for (const name of ${JSON.stringify(NAMES)}) delete globalThis[name];`;
    (0, eval)(forget);
    globalThis.Blob = class extends Blob {
        constructor(parts = [], options = {}) {
            super(options.type?.startsWith("text/javascript") ? [forget, ...parts] : parts, options);
        }
    };
})()"""


def without(*names):
    return WITHOUT.replace("NAMES", json.dumps(names))


def check_tells(viewer, reason, *words):
    """The state has this error, in these words; what passes does not fire `error`, what lasts does, once."""
    viewer.until("(code) => player.state.error?.code === code", 30, f"the error is not {reason}", reason)
    error = viewer.state()["error"]
    for word in words:
        check(word.lower() in error["message"].lower(), f"the message has no {word!r}: {error['message']}")
    told = [event["reason"] for event in viewer.told("error")]
    check_equal(told, [] if error["isTransient"] else [reason], f"reasons of the events `error` ({error})")
    return error


def a_browser_without_webtransport_is_told():
    relay = Relay()
    with Viewer(relay, init=[without("WebTransport")]) as viewer:
        check_tells(viewer, "no-webtransport", "WebTransport")
    relay.stop()


def a_browser_without_webcodecs_is_told():
    relay = Relay()
    publisher = publish(relay, "h264")
    with Viewer(relay, init=[without("VideoDecoder", "AudioDecoder", "EncodedVideoChunk", "EncodedAudioChunk")]) as viewer:
        check_tells(viewer, "no-webcodecs")
    publisher.kill()
    relay.stop()


def a_src_that_is_no_address_is_told():
    relay = Relay()
    for src in ("ftp://localhost/demo", "https://", "http://localhost:99999/x"):
        with Viewer(relay, src=src) as viewer:
            check_tells(viewer, "bad-url")
    relay.stop()


def a_relay_that_does_not_answer_is_told_and_tried_again():
    relay = Relay()
    port = relay.port
    relay.stop()
    with Viewer(relay, expected=REFUSED) as viewer:
        error = check_tells(viewer, "unreachable")
        check(error["isTransient"], f"it is not tried again: {error}")
        relay = Relay(port=port)
        publisher = publish(relay, "h264")
        viewer.wait_for_picture(30)
    publisher.kill()
    relay.stop()


def tells_and_plays_the_sound(name, *told):
    relay = Relay()
    publisher = publish(relay, name)
    with Viewer(relay) as viewer:
        check_tells(viewer, *told)
        check_sound(viewer, name)
    publisher.kill()
    relay.stop()


def a_codec_that_no_decoder_knows_is_told_and_the_sound_plays():
    tells_and_plays_the_sound("hevc", "codec-missing", "hev1")


def a_codec_that_the_browser_only_claims_to_know_is_told_and_the_sound_plays():
    """Firefox 153 says that it supports VP9 of 10 bits, and refuses its pictures."""
    tells_and_plays_the_sound("vp9-10", "decode", "VP9")


def a_viewer_without_a_token_is_told_and_one_with_a_token_plays():
    """The relay refuses before there is a session, and Chromium gives a page no reason for that."""
    key = Key("browser-keys", "one", "ES256")
    relay = relay_with_auth("browser-refuses", f"{{ keys: {json.dumps(key.public)} }}")
    token = key.sign("--root", "demo", "--subscribe", "", "--publish", "")
    publisher = Publisher(relay.url(PATH + "?jwt=" + token), clips.path_of("h264"), "-stream_loop", "-1")
    wait_until(lambda: relay.stats()["announcements"] > 0 or not publisher.karp.is_running(), 20, f"it is not announced: {publisher.karp.err[-5:]}")
    with Viewer(relay, expected=REFUSED) as viewer:
        viewer.until("() => ['refused', 'unreachable'].includes(player.state.error?.code)", 30, "it does not tell that it is refused")
        viewer.run("(token) => { player.token = token; }", token)
        viewer.wait_for_picture(30)
    publisher.kill()
    relay.stop()


TESTS = [a_browser_without_webtransport_is_told, a_browser_without_webcodecs_is_told, a_src_that_is_no_address_is_told, a_relay_that_does_not_answer_is_told_and_tried_again,
         a_codec_that_no_decoder_knows_is_told_and_the_sound_plays, a_viewer_without_a_token_is_told_and_one_with_a_token_plays]
FIREFOX = [*TESTS, a_codec_that_the_browser_only_claims_to_know_is_told_and_the_sound_plays]
