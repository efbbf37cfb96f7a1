# SPDX-License-Identifier: MIT OR Apache-2.0
"""What modules answer when they are asked, at once, later, wrongly, or never."""

import pylsqpack

from abikit import *
from peer import *

REFUSED = NOT_FOUND  # the code of a refusal that gives no other
WORKERS = (1, 4)


def gate(**settings):
    return lambda: (module("gate"), settings)


def second(**settings):
    return lambda: (module("gate", 'NAME="second"', name="second"), settings)


async def check_served(relay, path=("free", "way"), binding="moqf"):
    """Whoever is not refused is served. Returns the publisher and the viewer."""
    source, viewer = await connect(relay, binding), await connect(relay, binding)
    await publish(source, path)
    watching = await watch(viewer, path)
    asked = await subscription(source)
    asked.group(0, b"x")
    check_equal((await watching.next())[2], frame(b"x"), "a group")
    return source, viewer


async def logged(relay, text, times):
    """So many lines say so: not fewer, and not more."""
    await until_told(lambda: len(relay.logged(text)) >= times, f"{times} lines of the log say {text!r}: {relay.err[-5:]}")
    check_equal(len(relay.logged(text)), times, f"lines that say {text!r}")


# ---- At once -----------------------------------------------------------------------------------------------------

@with_peers(gate(), second(), workers=WORKERS)
async def whoever_passes_everywhere_is_served(relay):
    await check_served(relay)
    for kind in ("session", "announce", "subscribe"):
        for name in ("gate", "second"):
            check(relay.trace.has(f"{name} asked {kind}"), f"{name} was not asked about {kind}")


@with_peers(gate(session="allow", announce="allow", subscribe="allow"), second(session="deny", announce="deny", subscribe="deny"))
async def the_first_answer_decides(relay):
    await check_served(relay)
    check(not relay.trace.has("second asked"), "later modules were asked")


@with_peers(gate(session="deny"), second(), workers=WORKERS)
async def a_denied_session_is_told_nothing(relay):
    peer = await dial(relay)
    opening = peer.bidi(hello(V02))
    await peer.closed()
    check_equal(opening.data, b"", "what a denied peer was told")
    wrapped = await dial(relay, "h3")
    with_answer = connect_h3(wrapped)
    try:
        await with_answer
        raise AssertionError("a denied peer was let in")
    except Failure:
        pass
    await told(relay, "gate close '/demo/bbb'")
    await logged(relay, "is refused: not you", 2)
    check_equal(count(relay, "gate close"), 2, "calls of session_close")
    check(not relay.trace.has("second"), "a later module was told of a denied peer")


@with_peers(gate(announce="deny", only="secret"), workers=WORKERS, limits={"wait": "300ms"})
async def a_denied_announcement_is_not_told(relay):
    source, viewer = await connect(relay), await connect(relay)
    told_of = viewer.bidi(announce_please())
    await publish(source, ("secret",), ("open",))
    await told_of.has(announce(ACTIVE, "open"), "announcements")
    watching = await watch(viewer, ("secret",))
    await watching.stream.refused(NOT_FOUND, "a track that may not be published", 12)
    await logged(relay, "may not publish secret: not you", 1)
    await source.ping()


@with_peers(gate(subscribe="deny", only="secret"), workers=WORKERS)
async def a_denied_subscription_fetch_and_info_are_refused(relay):
    source, viewer = await connect(relay), await connect(relay)
    await publish(source, ("secret",))
    for request in (subscribe(V02, 7, ("secret",)), fetch(V02, ("secret",), 128, 3, 0), info_please("secret")):
        await viewer.bidi(request).refused(REFUSED, "a denied request")
    for kind in ("subscribe 'secret' group -1", "fetch 'secret' group 3", "info 'secret' group -1"):
        check_equal(count(relay, f"gate asked {kind}"), 1, f"questions about {kind}")
    await check_served(relay)


@with_peers(gate(session="odd"))
async def no_verdict_is_a_refusal_of_a_session(relay):
    peer = await dial(relay)
    peer.bidi(hello(V02))
    await peer.closed()
    await logged(relay, "gate: a hook returned 77", 1)


@with_peers(gate(subscribe="odd", only="odd"))
async def no_verdict_is_a_refusal(relay):
    source, viewer = await check_served(relay)
    await publish(source, ("odd",))
    await viewer.bidi(subscribe(V02, 7, ("odd",))).refused(REFUSED, "a request without a verdict")
    await logged(relay, "gate: a hook returned 77", 1)


# By relay_denial: the code of transfork, and the status of HTTP. What is not known is a refusal.
DENIALS = {0: (13, 403), 1: (6, 401), 2: (13, 403), 3: (13, 404), 4: (11, 503), 5: (6, 401), 99: (13, 403)}


def status_of(stream):
    """The status in the HEADERS that answered CONNECT."""
    reader = Reader(stream.raw)
    check_equal(reader.varint(), HEADERS, "type of the answer's frame")
    _, headers = pylsqpack.Decoder(0, 0).feed_header(0, reader.bytes(reader.varint()))
    return int(dict(headers)[b":status"])


def a_denial_has_its_code():
    for code, (wire_code, status) in DENIALS.items():
        @with_peers(gate(session="deny", subscribe="deny", code=code))
        async def of_a_session(relay):
            peer = await dial(relay)
            peer.bidi(hello(V02))
            await peer.closed(wire_code, f"a session that was denied with {code}")
            wrapped = await dial(relay, "h3")
            try:
                await connect_h3(wrapped)
            except Failure:
                pass
            check_equal(status_of(wrapped.connect_stream), status, f"the status of a session that was denied with {code}")

        @with_peers(gate(subscribe="deny", code=code))
        async def of_a_request(relay):
            viewer = await connect(relay)
            for request in (subscribe(V02, 7, ("any",)), fetch(V02, ("any",), 128, 3, 0), info_please("any")):
                await viewer.bidi(request).refused(wire_code, f"a request that was denied with {code}")

        of_a_session()
        of_a_request()


# ---- Paths -------------------------------------------------------------------------------------------------------

@with_peers(gate(announce="rename", only="live/it", path="renamed/a b"), second(), workers=WORKERS)
async def an_announcement_is_renamed(relay):
    source, viewer = await connect(relay), await connect(relay)
    told_of = viewer.bidi(announce_please())
    await publish(source, ("live", "it"))
    await told_of.has(announce(ACTIVE, "renamed", "a b"), "announcements")
    await told(relay, "second asked announce 'renamed/a{20}b'")
    watching = await watch(viewer, ("renamed", "a b"))
    asked = await subscription(source)
    check_equal(asked.name, ("live", "it"), "what the publisher is asked for")
    asked.group(4, b"x")
    check_equal((await watching.next())[1:], (4, frame(b"x")), "a group")
    source.asked.send(announce(ENDED, "live", "it"))
    await told_of.has(announce(ACTIVE, "renamed", "a b") + announce(ENDED, "renamed", "a b"), "announcements")


@with_peers(gate(subscribe="rename", only="alias", path="real"), second(), workers=WORKERS)
async def a_subscription_is_served_another_track(relay):
    source, viewer = await connect(relay), await connect(relay)
    await publish(source, ("real",))
    watching = await watch(viewer, ("alias",))
    asked = await subscription(source)
    check_equal(asked.name, ("real",), "what the publisher is asked for")
    asked.group(5, b"x")
    check_equal((await watching.next())[1:], (5, frame(b"x")), "a group")
    await viewer.bidi(fetch(V02, ("alias",), 128, 5, 0)).has(frame(b"x"), "FETCH of an alias")
    await viewer.bidi(info_please("alias"), True).ended(info(V02, latest=5), "INFO of an alias")
    for kind in ("subscribe", "fetch", "info"):
        await told(relay, f"second asked {kind} 'real'")


# ---- Later -------------------------------------------------------------------------------------------------------

@with_peers(gate(session="later", announce="later", subscribe="later", delay=100), workers=WORKERS)
async def a_later_answer_lets_in(relay):
    for binding in BINDINGS:
        await check_served(relay, ("free", binding), binding)


@with_peers(gate(session="thread", announce="thread", subscribe="thread"), workers=WORKERS)
async def a_thread_of_the_module_answers_by_a_post(relay):
    await check_served(relay)


@with_peers(gate(session="worry", subscribe="worry", delay=100))
async def what_is_no_answer_changes_nothing(relay):
    await check_served(relay)


@with_peers(gate(session="refuse", delay=100), workers=WORKERS)
async def a_session_is_refused_later(relay):
    peer = await dial(relay)
    opening = peer.bidi(hello(V02))
    await peer.closed()
    check_equal(opening.data, b"", "what a denied peer was told")
    await logged(relay, "is refused: not today", 1)


@with_peers(gate(subscribe="refuse", only="secret", delay=100), workers=WORKERS)
async def requests_are_refused_later(relay):
    source, viewer = await check_served(relay)
    await publish(source, ("secret",))
    for request in (subscribe(V02, 7, ("secret",)), fetch(V02, ("secret",), 128, 3, 0), info_please("secret")):
        await viewer.bidi(request).refused(REFUSED, "a denied request")


@with_peers(gate(subscribe="never", only="held"), workers=WORKERS)
async def whoever_is_never_answered_is_refused_after_5_seconds(relay):
    source, viewer = await connect(relay), await connect(relay)
    await publish(source, ("held",))
    requests = [viewer.bidi(request) for request in
                (subscribe(V02, 7, ("held",)), fetch(V02, ("held",), 128, 3, 0), info_please("held"))]
    began = time.monotonic()
    await check_served(relay)
    check(time.monotonic() - began < 4, "others waited too")
    for request in requests:
        await request.refused(REFUSED, "a request that nobody answers", 10)
    check(time.monotonic() - began > 4, "it was refused too early")
    for kind in ("subscribe", "fetch", "info"):
        await told(relay, f"gate withdrawn {kind}")
    await viewer.ping()


@with_peers(gate(session="never"), workers=WORKERS)
async def a_session_that_is_never_answered_is_refused_after_5_seconds(relay):
    peer = await dial(relay)
    opening = peer.bidi(hello(V02))
    began = time.monotonic()
    await peer.closed(seconds=10)
    check(time.monotonic() - began > 4, "it was refused too early")
    check_equal(opening.data, b"", "what a held peer was told")
    await told(relay, "gate withdrawn session")
    await told(relay, "gate close ''")


@with_peers(gate(session="dead", delay=1000), workers=WORKERS)
async def an_answer_after_the_death_of_a_session_is_void(relay):
    peer = await dial(relay)
    peer.bidi(hello(V02))
    await told(relay, "gate asked session")
    peer.leave()
    await told(relay, "gate withdrawn session")
    await told(relay, "gate void")
    check_equal(count(relay, "gate close"), 1, "calls of session_close")


@with_peers(gate(subscribe="dead", delay=1000), workers=WORKERS)
async def an_answer_after_the_end_of_a_request_is_void(relay):
    viewer = await connect(relay)
    viewer.bidi(subscribe(V02, 7, ("held",)))
    answer = viewer.bidi(fetch(V02, ("held",), 128, 3, 0))
    await told(relay, "gate asked fetch")
    answer.cancel()
    viewer.leave()
    await told(relay, "gate withdrawn fetch")
    await told(relay, "gate withdrawn subscribe")
    await until_told(lambda: count(relay, "gate void") == 2, "both are void")


@with_peers(gate(subscribe="pair"))
async def two_requests_that_are_held_are_two(relay):
    source, viewer = await connect(relay), await connect(relay)
    await publish(source, ("first",), ("second",))
    first = viewer.bidi(info_please("first"))
    await told(relay, "gate asked info 'first'")
    other = viewer.bidi(info_please("second"), True)
    await first.refused(REFUSED, "the first request")
    await other.ended(info(V02), "the second request")
    await told(relay, "gate answered both")


@with_workers(*WORKERS)
def a_relay_that_stops_withdraws_what_is_held(workers):
    relay = ModuleRelay(gate(session="never")(), workers=workers)

    async def dial_and_stop():
        peer = await dial(relay)
        peer.bidi(hello(V02))
        await told(relay, "gate asked session")
        relay.send(signal.SIGTERM)
        await told(relay, "gate close")
        everybody_leaves()

    asyncio.run(asyncio.wait_for(dial_and_stop(), LIMIT_S))
    relay.check_ended(relay.wait())
    check(relay.trace.has("gate withdrawn session"), f"nothing was withdrawn: {relay.trace.lines()}")


# ---- Peers -------------------------------------------------------------------------------------------------------

@with_peers(gate(), workers=WORKERS)
async def a_peer_is_described(relay):
    for binding, expected in (("moqf", "gate peer path '' query '' name 'localhost' protocol 2 page ''"),
                              ("h3", "gate peer path '/demo/bbb' query '' name 'localhost' protocol 1 page ''")):
        await connect(relay, binding)
        await told(relay, expected)


def a_query_is_read():
    relay = ModuleRelay(gate()())
    for query, expected in (("?a=b", "value 1 'b'"), ("?x=1&a=b%20c+d&y", "value 5 'b c d'"), ("?a=1&a=2", "value -1"),
                            ("?a=%zz", "value -1"), ("?a=%00", "value -1"), ("?a=", "value 0 ''"), ("?b=1", "value -4"),
                            ("?a=0123456789", "value 10 '0123456'"), ("?aa=1&ab=2", "value -4")):
        clock = Process([program("moq-clock"), "--tls-disable-verify", "--no-reconnect", relay.url("/way" + query)])
        relay.trace.wait_for(f"gate {expected}")
        relay.trace.wait_for(f"gate peer path '/way' query '{query[1:]}'")
        clock.end()
        wait_until(lambda: relay.stats()["sessions"] == 0, 10, "the clock is gone")
        os.truncate(relay.trace.path, 0)
    relay.stop()


TESTS = [whoever_passes_everywhere_is_served, the_first_answer_decides, a_denied_session_is_told_nothing,
         a_denied_announcement_is_not_told, a_denied_subscription_fetch_and_info_are_refused,
         a_denial_has_its_code, no_verdict_is_a_refusal_of_a_session, no_verdict_is_a_refusal, an_announcement_is_renamed,
         a_subscription_is_served_another_track, a_later_answer_lets_in, a_thread_of_the_module_answers_by_a_post,
         what_is_no_answer_changes_nothing, a_session_is_refused_later, requests_are_refused_later,
         whoever_is_never_answered_is_refused_after_5_seconds, a_session_that_is_never_answered_is_refused_after_5_seconds,
         an_answer_after_the_death_of_a_session_is_void, an_answer_after_the_end_of_a_request_is_void,
         two_requests_that_are_held_are_two, a_relay_that_stops_withdraws_what_is_held, a_peer_is_described, a_query_is_read]
