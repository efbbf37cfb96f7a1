# SPDX-License-Identifier: MIT OR Apache-2.0
"""A module has the relay open sessions to another relay, and keep them open."""

from abikit import *
from peer import *

WORKERS = (1, 3)
CANCELLED = -11


def far_relay(port=None, **settings):
    return ModuleRelay((module("dial"), {}), port=port, **settings)


def near_relay(target, workers=1, scheme="https", path="/link", **settings):
    """A relay whose module dials `target`, a relay or a port."""
    port = target if isinstance(target, int) else target.port
    url = f"{scheme}://localhost:{port}{path}"
    return ModuleRelay((module("dial"), {"url": url, "insecure": True, **settings}), workers=workers)


def wait_for(relay, text, times=1):
    wait_until(lambda: count(relay, text) >= times, 20, f"the modules have not told {text!r} {times} times")


def stop_near(relay, ups):
    """Each session that was told of is told to have ended, before or while the relay stops."""
    relay.stop()
    check_equal([count(relay, text) for text in ("up ", "dialled one leaves")], [ups, ups], f"ups and ends: {relay.trace.lines()}")


# ---- Sessions ----------------------------------------------------------------------------------------------------

async def check_frames_cross(source_relay, viewer_relay, name):
    source, viewer = await connect(source_relay), await connect(viewer_relay)
    await publish(source, name)
    told_of = viewer.bidi(announce_please())
    await told_of.until(lambda s: announce(ACTIVE, *name) in s.data, "the announcement")
    watching = Watching(viewer, name)
    asked = await subscription(source)
    asked.group(5, b"one", b"two")
    stream, number, _ = await watching.next()
    check_equal(number, 5, "the group")
    await stream.ended(group(watching.number, 5) + frame(b"one") + frame(b"two"), "a group")
    source.leave()
    await told_of.until(lambda s: announce(ENDED, *name) in s.data, "the end of the announcement")


def run_both(test, *relays):
    async def both(_):
        await test(*relays)
    run_with_peers(both, relays[0], LIMIT_S)


def frames_cross(scheme):
    @with_workers(*WORKERS)
    def test(workers):
        far = far_relay(workers=workers)
        near = near_relay(far, workers, scheme)
        wait_for(near, "up ")
        check(near.trace.has(f"up {'quic' if scheme == 'moqf' else 'h3'} "), f"the protocol: {near.trace.lines()}")
        wait_for(far, "comes ")
        check_equal(far.trace.lines()[0], "comes ?" if scheme == "moqf" else "comes /link?", "the URL that the other relay saw")

        async def both_ways(near, far):
            await check_frames_cross(far, near, ("far", "a"))
            await check_frames_cross(near, far, ("near", "a"))
        run_both(both_ways, near, far)
        check_equal(near.stats()["sessions_dialled_total"], 1, "sessions_dialled_total")
        stop_near(near, 1)
        far.stop()
    test.__name__ = f"frames_cross_a_session_by_{scheme}_both_ways"
    return test


@with_workers(*WORKERS)
def a_dial_comes_back_when_the_other_relay_does(workers):
    far = far_relay()
    near = near_relay(far, workers)
    wait_for(near, "up ")
    for ups in (2, 3):
        far.stop()
        wait_for(near, "dialled one leaves", ups - 1)
        wait_for(near, "down for now")
        far = far_relay(port=far.port)
        wait_for(near, "up ", ups)
    check_told_in_order(near)
    run_both(lambda near, far: check_frames_cross(far, near, ("far", "a")), near, far)
    stop_near(near, 3)
    far.stop()


def check_told_in_order(relay):
    """A session's end is told before its loss, and that before the next session."""
    told = [line.split()[0] for line in relay.trace.lines() if not line.startswith("comes")]
    check(re.fullmatch(r"(down )*(up dialled (down )+)*up", " ".join(told)), f"what the owner was told: {relay.trace.lines()}")


@with_workers(*WORKERS)
def a_dial_notices_silence(workers):
    far = far_relay()
    near = near_relay(far, workers, silence="2s")
    wait_for(near, "up ")
    far.send(signal.SIGSTOP)
    try:
        wait_for(near, "down for now")
    finally:
        far.send(signal.SIGCONT)
    wait_for(near, "up ", 2)
    stop_near(near, 2)
    far.stop()


def a_session_that_is_ended_is_opened_again():
    far = far_relay()
    near = near_relay(far, do="hang_up")
    wait_for(near, "up ", 2)
    check(near.trace.has("down for now"), f"the end of the first: {near.trace.lines()}")
    wait_for(far, "one leaves")
    stop_near(near, 2)
    far.stop()


@with_workers(*WORKERS)
def what_the_other_relay_may_do_is_granted(workers):
    far = far_relay()
    near = near_relay(far, workers, limited=True)
    wait_for(near, "up ")

    async def both(near, far):
        await check_frames_cross(far, near, ("far", "a"))
        source, viewer = await connect(far), await connect(near)
        told_of = viewer.bidi(announce_please())
        await publish(source, ("fare", "b"), ("far", "b"))
        await told_of.until(lambda s: announce(ACTIVE, "far", "b") in s.data, "what is granted")
        check(announce(ACTIVE, "fare", "b") not in told_of.data, "what is not granted is not offered")
    run_both(both, near, far)
    check(near.logged("may not publish fare/b"), "the log says what is not granted")
    stop_near(near, 1)
    far.stop()


# ---- Tokens and certificates -------------------------------------------------------------------------------------

@with_workers(*WORKERS)
def each_attempt_has_a_token_of_its_own(workers):
    far = far_relay()
    near = near_relay(far, workers, token="tok", path="/link?a=1&jwt=old&b=2")
    check_equal(check_same_url(near, far), "/link?a=1&b=2&jwt=tok1", "the URL that the other relay saw")
    far.stop()
    far = far_relay(port=far.port)
    seen = check_same_url(near, far)
    check(re.fullmatch(r"/link\?a=1&b=2&jwt=tok\d+", seen) and not seen.endswith("tok1"), f"the URL of a later attempt: {seen}")
    stop_near(near, 2)
    far.stop()


def check_same_url(near, far):
    wait_for(far, "comes ")
    seen = next(line.partition(" ")[2] for line in far.trace.lines() if line.startswith("comes "))
    near.trace.wait_for(f"up h3 {seen}")
    return seen


def without_a_token_the_url_stays_as_it_is():
    far = far_relay()
    near = near_relay(far, path="/link?jwt=old")
    wait_for(near, "up ")
    check_equal(check_same_url(near, far), "/link?jwt=old", "the URL that the other relay saw")
    stop_near(near, 1)
    far.stop()


def a_token_that_is_too_long_is_told():
    far = far_relay()
    near = near_relay(far, token="x" * 4090)
    near.trace.wait_for("the token is too long for a URL")
    stop_near(near, 0)
    far.stop()


def a_certificate_is_pinned():
    far = far_relay()
    pin = far.get("/fingerprint").strip()
    other = "".join("0" if digit != "0" else "1" for digit in pin)
    good, bad = near_relay(far, insecure=False, pin=pin), near_relay(far, insecure=False, pin=other)
    wait_for(good, "up ")
    wait_for(bad, "down for now", 2)
    stop_near(good, 1)
    stop_near(bad, 0)
    far.stop()


def a_fingerprint_is_fetched():
    far = far_relay()
    near = near_relay(far, scheme="http", insecure=False)
    wait_for(near, "up ")
    stop_near(near, 1)
    far.stop()


def certificate():
    files = [scratch(f"dial.{ending}") for ending in ("pem", "key")]
    status, _, err = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                          "-addext", "subjectAltName=DNS:localhost", "-days", "1", "-out", files[0], "-keyout", files[1]])
    check_equal(status, 0, f"openssl: {err}")
    return files


def roots_are_trusted_and_nobody_else_is():
    pem, key = certificate()
    port = free_port()
    listen = [{"address": f"[::]:{port}", "certificates": [{"cert": pem, "key": key}]}]
    far = Relay(port=port, argv=[program("moq-relay"), configuration(listen=listen, http={"address": "listen"})])
    good, bad = near_relay(far, insecure=False, roots=pem), near_relay(far, insecure=False)
    wait_for(good, "up ")
    wait_for(bad, "down for now", 2)
    stop_near(good, 1)
    stop_near(bad, 0)
    far.end()


def roots_that_cannot_be_read_are_hopeless():
    near = near_relay(free_port(), insecure=False, roots=scratch("no-such-file.pem"))
    wait_for(near, "down for ever")
    check(near.trace.has("no-such-file.pem"), f"the reason names the file: {near.trace.lines()}")
    near.stop()
    check_equal(len(near.trace.lines()), 1, f"nothing more is told: {near.trace.lines()}")


# ---- What is refused, and how many -------------------------------------------------------------------------------

@with_workers(*WORKERS)
def what_is_wrong_is_refused(workers):
    near = near_relay(free_port(), workers, do="be_wrong")
    near.trace.wait_for("refused what is wrong")
    near.stop()


def there_are_as_many_dials_as_there_may_be():
    near = near_relay(free_port(), do="be_many")
    near.trace.wait_for("dialled many")
    near.stop()


# ---- Closing -----------------------------------------------------------------------------------------------------

@with_workers(*WORKERS)
def a_dial_closes_when_it_is_up(workers):
    far = far_relay()
    near = near_relay(far, workers, do="close_in_up")
    wait_for(near, "dialled one leaves")
    wait_for(far, "one leaves")
    stop_near(near, 1)
    check(not near.trace.has("down "), f"nothing is told after it was closed: {near.trace.lines()}")
    far.stop()


@with_workers(*WORKERS)
def a_dial_closes_when_it_is_down(workers):
    far = far_relay()
    near = near_relay(far, workers, insecure=False, do="close_in_down")
    near.trace.wait_for("closing in down")
    near.stop()
    check_equal(count(near, "down "), 1, f"nothing is told after it was closed: {near.trace.lines()}")
    far.stop()


@with_workers(*WORKERS)
def a_dial_closes_when_its_session_is_lost(workers):
    far = far_relay()
    near = near_relay(far, workers, do="close_in_down")
    wait_for(near, "up ")
    far.stop()
    near.trace.wait_for("closing in down")
    stop_near(near, 1)


@with_workers(*WORKERS)
def a_dial_closes_when_it_is_asked_for_a_token(workers):
    far = far_relay()
    near = near_relay(far, workers, do="close_in_token", token="tok")
    near.trace.wait_for("closing in token")
    stop_near(near, 0)
    check_equal(near.trace.lines(), ["closing in token"], "what is told")
    check(not far.trace.has("comes"), "nobody came")
    far.stop()


@with_workers(*WORKERS)
def a_dial_closes_while_it_tries_and_another_one_is_opened(workers):
    port = free_port()
    near = near_relay(port, workers, do="close_later")
    near.trace.wait_for("closing in timer")
    far = far_relay(port=port)
    wait_for(near, "up ")
    stop_near(near, 1)
    far.stop()


@with_workers(*WORKERS)
def another_dial_is_opened_when_one_is_lost(workers):
    far = far_relay()
    near = near_relay(far, workers, insecure=False, do="dial_in_down")
    wait_for(near, "down for now", 4)
    near.stop()
    check_equal(count(near, "down for ever"), 2, f"the end of both: {near.trace.lines()}")
    far.stop()


# ---- The relay stops ---------------------------------------------------------------------------------------------

@with_workers(*WORKERS)
def the_relay_stops_while_a_dial_is_up(workers):
    far = far_relay()
    near = near_relay(far, workers)
    wait_for(near, "up ")
    stop_near(near, 1)
    check(near.trace.has(f"down for ever {CANCELLED}: the relay stops"), f"the end: {near.trace.lines()}")
    check_equal(count(near, "down "), 1, "it is told once")
    wait_for(far, "one leaves")
    far.stop()


@with_workers(*WORKERS)
def the_relay_stops_between_attempts(workers):
    far = far_relay()
    near = near_relay(far, workers, insecure=False)
    wait_for(near, "down for now", 2)
    stop_near(near, 0)
    check_equal(count(near, "down for ever"), 1, f"the end is told once: {near.trace.lines()}")
    far.stop()


@with_workers(*WORKERS)
def the_relay_stops_in_an_attempt(workers):
    """Nobody answers there, so the attempt lasts."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as silent:
        silent.bind(("::", 0))
        silent.settimeout(20 * PATIENCE)
        near = near_relay(silent.getsockname()[1], workers)
        silent.recv(2048)
        stop_near(near, 0)
    check_equal(near.trace.lines(), [f"down for ever {CANCELLED}: the relay stops"], "what is told")


def a_dial_closes_as_the_relay_stops():
    far = far_relay()
    near = near_relay(far, do="close_in_down")
    wait_for(near, "up ")
    stop_near(near, 1)
    check_equal(near.trace.lines()[1:3], [f"down for ever {CANCELLED}: the relay stops", "closing in down"], "the end")
    far.stop()


TESTS = [frames_cross("https"), frames_cross("moqf"), a_dial_comes_back_when_the_other_relay_does, a_dial_notices_silence,
         a_session_that_is_ended_is_opened_again, what_the_other_relay_may_do_is_granted, each_attempt_has_a_token_of_its_own,
         without_a_token_the_url_stays_as_it_is, a_token_that_is_too_long_is_told, a_certificate_is_pinned, a_fingerprint_is_fetched,
         roots_are_trusted_and_nobody_else_is, roots_that_cannot_be_read_are_hopeless, what_is_wrong_is_refused,
         there_are_as_many_dials_as_there_may_be, a_dial_closes_when_it_is_up, a_dial_closes_when_it_is_down,
         a_dial_closes_when_its_session_is_lost, a_dial_closes_when_it_is_asked_for_a_token,
         a_dial_closes_while_it_tries_and_another_one_is_opened, another_dial_is_opened_when_one_is_lost,
         the_relay_stops_while_a_dial_is_up, the_relay_stops_between_attempts, the_relay_stops_in_an_attempt,
         a_dial_closes_as_the_relay_stops]
