# SPDX-License-Identifier: MIT OR Apache-2.0
"""HTTP/3 and WebTransport: how sessions begin and end, what is tolerated, and which code each mistake gets."""

import pylsqpack
from authkit import Key, relay_with_auth

from peer import *
from rig import *

GREASE = [0x1F * n + 0x21 for n in (0, 1, 2, 70, 1 << 50)]
NAMES = (b":method", b":protocol", b":scheme", b":authority", b":path")
REQUEST = dict(zip(NAMES, (b"CONNECT", b"webtransport", b"https", b"localhost", b"/demo/bbb")))


def block(fields):
    return pylsqpack.Encoder().encode(0, list(fields))[1]


def request(changes=(), without=(), more=()):
    fields = {**REQUEST, **dict(changes)}
    return block([(name, value) for name, value in fields.items() if name not in without] + list(more))


async def h3(relay, settings=SETTINGS, **more):
    """A connection with SETTINGS both ways and no request yet."""
    peer = await dial(relay, "h3", **more)
    peer.is_wrapped = False
    peer.control = peer.raw(True, b"\0" + h3_frame(SETTINGS_FRAME, settings))
    await peer.until(lambda: 3 in peer.streams and len(peer.streams[3].raw) >= 45, "SETTINGS of the relay")
    peer.arrived.clear()
    return peer


async def fails_with(peer, code, words):
    await peer.until(lambda: peer.ended, f"end of a connection with {words}")
    check_equal(hex(peer.ended.error_code), hex(code), f"code for {words} ({peer.ended.reason_phrase})")


async def is_answered(stream, status, words):
    await stream.until(lambda s: s.is_over, f"an answer to {words}")
    reader = Reader(stream.raw)
    check_equal(reader.varint(), HEADERS, f"answer to {words}")
    fields = dict(pylsqpack.Decoder(0, 0).feed_header(0, reader.text())[1])
    check_equal(fields[b":status"], str(status).encode(), f"status of {words}")
    check(stream.is_ended and not reader.rest(), f"the answer to {words} is not ended: {stream.state()}")


async def check_session(peer):
    """It works: a greeting, and a question with its answer."""
    await greet(peer, V02)
    await peer.bidi(announce_please("nobody")).until(lambda s: True, "")
    await peer.ping()


# ---- Beginning ---------------------------------------------------------------------------------------------------

@on_a_relay()
async def grease_is_tolerated_wherever_it_may_be(relay):
    peer = await dial(relay, "h3")
    peer.is_wrapped = False
    settings = SETTINGS + b"".join(varint(g) + varint(WORST) for g in GREASE)
    frames = b"".join(h3_frame(g, b"grease" * n) for n, g in enumerate(GREASE))
    peer.control = peer.raw(True, varint(0, 8) + h3_frame(SETTINGS_FRAME, settings) + frames)
    for kind in (2, 3):  # QPACK, with nothing to say
        peer.raw(True, varint(kind, 2))
    for g in GREASE:
        peer.raw(True, varint(g) + b"anything")
        peer.raw(True, varint(g), True)
    peer.raw(True, b"", True)
    await peer.until(lambda: 3 in peer.streams and len(peer.streams[3].raw) >= 45, "SETTINGS of the relay")
    peer.arrived.clear()
    peer.connect_stream = peer.raw(False, frames + h3_frame(HEADERS, CONNECT) + frames)
    await peer.connect_stream.until(lambda s: len(s.raw) >= 33, "an answer to CONNECT")
    peer.is_wrapped = True
    capsules = b"".join(capsule(g, b"x" * 3000) for g in GREASE) + capsule(0x190B4D3D, varint(5)) + capsule(0, b"datagram")
    for at in range(0, len(capsules), 999):  # across DATA frames
        peer.connect_stream.send(h3_frame(DATA, capsules[at:at + 999]) + frames)
    peer.connect_stream.send(h3_frame(DATA, capsule(DRAIN_CAPSULE)))
    peer.control.send(h3_frame(GOAWAY, varint(0)) + h3_frame(0xF0700, b"\0u=1") + frames)
    peer._quic.send_datagram_frame(b"\0hello")
    peer._quic.send_datagram_frame(varint(77) + b"hello")
    peer.transmit()
    await check_session(peer)


@on_a_relay()
async def every_byte_of_http3_may_come_alone(relay):
    peer = await dial(relay, "h3")
    peer.is_wrapped = False
    peer.control = peer.raw(True)
    for byte in b"\0" + h3_frame(SETTINGS_FRAME, SETTINGS):
        peer.control.send(bytes([byte]))
        await asyncio.sleep(0)
    await peer.until(lambda: 3 in peer.streams and len(peer.streams[3].raw) >= 45, "SETTINGS of the relay")
    peer.arrived.clear()
    peer.connect_stream = peer.raw(False)
    for byte in h3_frame(HEADERS, request([(b":protocol", b"webtransport-h3")])):
        peer.connect_stream.send(bytes([byte]))
        await asyncio.sleep(0)
    await peer.connect_stream.until(lambda s: len(s.raw) >= 33, "an answer to CONNECT")
    peer.session = peer.raw(False)
    for byte in bytes.fromhex("404100") + hello(V02):
        peer.session.send(bytes([byte]))
        await asyncio.sleep(0)
    await peer.session.has(varint(V02, 8) + b"\0", "SESSION_SERVER")


@on_a_relay()
async def streams_may_come_before_their_session(relay):
    peer = await h3(relay)
    connect_stream = peer.reserved()
    early = peer.raw(False, varint(0x41) + varint(connect_stream.number) + hello(V02))
    await peer.ping()
    connect_stream.send(h3_frame(HEADERS, CONNECT))
    await connect_stream.until(lambda s: len(s.raw) >= 33, "an answer to CONNECT")
    await early.until(lambda s: bytes(s.raw) == varint(V02, 8) + b"\0", "SESSION_SERVER on an early stream")


@on_a_relay()
async def too_many_early_streams_are_rejected_and_others_work(relay):
    peer = await h3(relay)
    early = [peer.raw(True, varint(0x54) + varint(40) + b"\0") for _ in range(40)]
    await peer.until(lambda: sum(s.stop_raw is not None for s in early) >= 24, "rejection of early streams")
    check_equal({s.stop_raw for s in early if s.stop_raw is not None}, {WT_BUFFERED_STREAM_REJECTED}, "code of early streams")

    peer = await h3(relay)
    connect_stream = peer.reserved()
    early = peer.raw(False, varint(0x41) + varint(connect_stream.number) + b"x" * 100_000)
    await early.until(lambda s: s.stop_raw is not None, "rejection of too much")
    connect_stream.send(h3_frame(HEADERS, CONNECT))
    await connect_stream.until(lambda s: len(s.raw) >= 33, "an answer to CONNECT")


@on_a_relay()
async def other_requests_get_a_status_and_a_second_session_429(relay):
    peer = await h3(relay)
    get = {b":method": b"GET", b":scheme": b"https", b":authority": b"localhost", b":path": b"/"}
    for words, fields, status in (("GET", block(get.items()), 405), ("another protocol", request([(b":protocol", b"websocket")]), 501)):
        stream = peer.raw(False, h3_frame(HEADERS, fields), True)
        await stream.until(lambda s: s.is_over, f"an answer to {words}")
        check(stream.is_ended, f"{words}: {stream.state()}")
        reader = Reader(stream.raw)
        reader.varint()
        got = dict(pylsqpack.Decoder(0, 0).feed_header(0, reader.text())[1])[b":status"]
        check(got in (b"404", b"405", b"501"), f"status of {words}: {got}")
    first = peer.raw(False, h3_frame(HEADERS, CONNECT))
    await first.until(lambda s: len(s.raw) >= 33, "an answer to CONNECT")
    await is_answered(peer.raw(False, h3_frame(HEADERS, CONNECT)), 429, "a second session")
    peer.session_id, peer.is_wrapped = first.number, True
    await check_session(peer)


@on_a_relay()
async def malformed_requests_cost_their_stream(relay):
    wrong = [request(without=[name]) for name in NAMES if name != b":protocol"]
    wrong += [request(more=[(b":method", b"CONNECT")]), request(more=[(b"Upper", b"case")]), request(more=[(b":strange", b"1")]),
              block([(b"a", b"b")] + list(REQUEST.items())), block([]), request([(b":path", b"")]),
              request(more=[(b"connection", b"close")])]
    for number, fields in enumerate(wrong):
        peer = await h3(relay)
        stream = peer.raw(False, h3_frame(HEADERS, fields))
        await stream.until(lambda s: s.is_over, f"an answer to malformed request {number}")
        check(stream.reset_raw in (H3_MESSAGE_ERROR, None), f"malformed request {number}: {stream.state()}")
        if stream.reset_raw is None:
            check(bytes(stream.raw[:2]) != b"\x01\x1f", f"malformed request {number} was accepted")
        await peer.ping()


@on_a_relay()
async def rules_of_settings_are_kept(relay):
    for words, settings, code in (
            ("a double setting", SETTINGS + bytes.fromhex("3301"), H3_SETTINGS_ERROR),
            ("a double strange setting", varint(0x99) + b"\1" + varint(0x99) + b"\1", H3_SETTINGS_ERROR),
            ("setting 2 of HTTP/2", SETTINGS + b"\2\0", H3_SETTINGS_ERROR), ("setting 5 of HTTP/2", SETTINGS + b"\5\0", H3_SETTINGS_ERROR),
            ("datagrams of 2", b"\x33\2", H3_SETTINGS_ERROR), ("connect protocol of 9", b"\x08\x09", H3_SETTINGS_ERROR),
            ("half a pair", SETTINGS + b"\x01", H3_FRAME_ERROR), ("half a number", SETTINGS + b"\xc0\0", H3_FRAME_ERROR),
            ("too many settings", b"".join(varint(1000 + n) + b"\0" for n in range(1000)), H3_EXCESSIVE_LOAD),
            ("too long settings", varint(0x99) + varint(1) + b"\0" * 6000, None)):
        peer = await dial(relay, "h3")
        peer.raw(True, b"\0" + h3_frame(SETTINGS_FRAME, settings))
        if code is not None:
            await fails_with(peer, code, words)
        else:
            await peer.until(lambda: peer.ended, f"end of a connection with {words}")
    peer = await dial(relay, "h3", datagrams=None)
    peer.raw(True, b"\0" + h3_frame(SETTINGS_FRAME, SETTINGS))
    await fails_with(peer, H3_SETTINGS_ERROR, "datagrams without the transport parameter")
    peer = await dial(relay, "h3")
    peer.raw(True, b"\0" + varint(SETTINGS_FRAME) + varint(1 << 60) + b"x")
    await fails_with(peer, H3_EXCESSIVE_LOAD, "settings of 2^60 bytes")


@on_a_relay()
async def frames_in_wrong_places_have_their_codes(relay):
    control = lambda more: lambda p: p.control.send(more)
    stream = lambda more, end=False: lambda p: p.raw(False, more, end)
    uni = lambda more: lambda p: p.raw(True, more)
    for words, act, code in (
            ("DATA on control", control(h3_frame(DATA, b"x")), H3_FRAME_UNEXPECTED),
            ("HEADERS on control", control(h3_frame(HEADERS, CONNECT)), H3_FRAME_UNEXPECTED),
            ("second SETTINGS", control(h3_frame(SETTINGS_FRAME, b"")), H3_FRAME_UNEXPECTED),
            ("PUSH_PROMISE on control", control(h3_frame(5, b"\0")), H3_FRAME_UNEXPECTED),
            ("a frame of HTTP/2", control(h3_frame(6, b"\0")), H3_FRAME_UNEXPECTED),
            ("the end of control", lambda p: p.control.end(), H3_CLOSED_CRITICAL_STREAM),
            ("a reset control", lambda p: p.control.reset(), H3_CLOSED_CRITICAL_STREAM),
            ("a stopped control", lambda p: p.streams[3].stop(), H3_CLOSED_CRITICAL_STREAM),
            ("a second control", uni(b"\0"), H3_STREAM_CREATION_ERROR), ("a push stream", uni(b"\1"), H3_STREAM_CREATION_ERROR),
            ("two encoders", lambda p: (p.raw(True, b"\2"), p.raw(True, b"\2")), H3_STREAM_CREATION_ERROR),
            ("two decoders", lambda p: (p.raw(True, b"\3"), p.raw(True, b"\3")), H3_STREAM_CREATION_ERROR),
            ("an ended decoder", lambda p: p.raw(True, b"\3", True), H3_CLOSED_CRITICAL_STREAM),
            ("DATA before HEADERS", stream(h3_frame(DATA, b"x")), H3_FRAME_UNEXPECTED),
            ("SETTINGS in a request", stream(h3_frame(SETTINGS_FRAME, b"")), H3_FRAME_UNEXPECTED),
            ("GOAWAY in a request", stream(h3_frame(GOAWAY, b"\0")), H3_FRAME_UNEXPECTED),
            ("a cut frame", stream(varint(HEADERS) + varint(50) + b"short", True), H3_FRAME_ERROR),
            ("a reference to the dynamic table", stream(h3_frame(HEADERS, bytes.fromhex("0281 80 d1"))), QPACK_DECOMPRESSION_FAILED),
            ("a session id that is no request", uni(varint(0x54) + varint(5)), H3_ID_ERROR),
            ("a bidi session id that is no request", stream(varint(0x41) + varint(2)), H3_ID_ERROR),
            ("GOAWAY of two numbers", control(h3_frame(GOAWAY, b"\0\0")), H3_FRAME_ERROR),
            ("GOAWAY that rises", control(h3_frame(GOAWAY, b"\4") + h3_frame(GOAWAY, b"\x08")), H3_ID_ERROR)):
        peer = await h3(relay)
        act(peer)
        await fails_with(peer, code, words)
    peer = await dial(relay, "h3")
    peer.raw(True, b"\0" + h3_frame(GOAWAY, b"\0"))
    await fails_with(peer, H3_MISSING_SETTINGS, "a control stream without SETTINGS")


@on_a_relay()
async def header_bombs_are_refused(relay):
    long = [(b"x%d" % n, b"a" * 900) for n in range(30)]
    many = [(b"n%d" % n, b"") for n in range(4000)]
    for words, payload in (("long headers", request(more=long)), ("many headers", request(more=many))):
        peer = await h3(relay)
        stream = peer.raw(False, h3_frame(HEADERS, payload))
        await peer.until(lambda: peer.ended or stream.is_over, f"refusal of {words}")
        if peer.ended:
            check_equal(peer.ended.error_code, H3_EXCESSIVE_LOAD, words)
        else:
            check(bytes(stream.raw[:2]) != b"\x01\x1f", f"{words} were accepted: {stream.state()}")
    # Many header blocks that never end.
    peer = await h3(relay)
    halves = [peer.raw(False, varint(HEADERS) + varint(16000) + b"\0" * 15000) for _ in range(30)]
    await peer.until(lambda: sum(s.reset_raw == H3_EXCESSIVE_LOAD for s in halves) == 26, "refusal of unfinished headers",
                     PATIENCE_S, lambda: [s.state() for s in halves])
    peer = await h3(relay)
    stream = peer.raw(False, varint(HEADERS) + varint(1 << 60) + b"\0")
    await peer.until(lambda: peer.ended or stream.is_over, "refusal of headers of 2^60 bytes")


# ---- Ending ------------------------------------------------------------------------------------------------------

async def closing(relay, act, words, code=CANCELLED):
    """Begins a session with a running subscription, ends it by `act`, and sees it ended in order."""
    source = await connect(relay, "moqf")
    await publish(source, ("live",))
    peer = await connect(relay, "h3")
    watching = await watch(peer, ("live",))
    asked = await subscription(source)
    asked.peer.uni(group(asked.number, 0) + varint(100) + b"half")
    out, _, _ = await watching.next()
    act(peer)
    await peer.until(lambda: peer.ended or peer.connect_stream.is_over, f"the relay's end of a session after {words}")
    stats = relay.stats()
    check_equal((stats["sessions"], stats["viewers"]), (1, 0), f"sessions and viewers after {words}")
    await peer.until(lambda: peer.ended, f"the end of the connection after {words}")
    check_equal(hex(peer.ended.error_code), hex(code_to_h3(code)), f"code of the connection after {words}")
    everybody_leaves()
    return peer, out


@on_a_relay()
async def sessions_end_by_capsule_by_fin_and_by_reset(relay):
    close_420 = bytes.fromhex("000b684308000001a474657374")
    peer, out = await closing(relay, lambda p: p.connect_stream.send(close_420, True), "CLOSE and FIN", 420)
    check(peer.connect_stream.is_ended, f"no FIN after CLOSE: {peer.connect_stream.state()}")
    check(out.reset_raw in (None, WT_SESSION_GONE, code_to_h3(0)), f"a group after CLOSE: {out.state()}")
    await closing(relay, lambda p: p.connect_stream.send(h3_frame(DATA, close_capsule(0))), "CLOSE without FIN")
    await closing(relay, lambda p: [p.connect_stream.send(bytes([b])) for b in close_420], "CLOSE in single bytes", 420)
    peer, _ = await closing(relay, lambda p: p.connect_stream.end(), "FIN")
    check(peer.connect_stream.is_ended, f"no FIN after FIN: {peer.connect_stream.state()}")
    await closing(relay, lambda p: p.connect_stream.reset(), "RESET")
    await closing(relay, lambda p: p.connect_stream.stop(), "STOP_SENDING")


@on_a_relay()
async def broken_capsules_end_the_session(relay):
    for words, data, end in (("a cut capsule", h3_frame(DATA, capsule(DRAIN_CAPSULE)[:-1]), True),
                             ("CLOSE of three bytes", h3_frame(DATA, capsule(CLOSE_CAPSULE, b"abc")), False),
                             ("a reason of 1025 bytes", h3_frame(DATA, close_capsule(0, "x" * 1025)), False),
                             ("CLOSE of 2^60 bytes", h3_frame(DATA, varint(CLOSE_CAPSULE) + varint(1 << 60) + b"xxxx"), False),
                             ("bytes after CLOSE", h3_frame(DATA, close_capsule(0) + b"x"), False),
                             ("a reason that is no UTF-8", h3_frame(DATA, capsule(CLOSE_CAPSULE, b"\0\0\0\0\xff\xfe")), False)):
        peer = await connect(relay, "h3")
        peer.connect_stream.send(data, end)
        await peer.until(lambda: peer.ended, f"end after {words}")
    for words, data in (("trailers", h3_frame(HEADERS, block([]))), ("SETTINGS", h3_frame(SETTINGS_FRAME))):
        peer = await connect(relay, "h3")
        peer.connect_stream.send(data)
        await peer.until(lambda: peer.ended or peer.connect_stream.is_over, f"an answer to {words}")


@on_a_relay()
async def streams_of_no_session_are_rejected_and_of_a_dead_one_gone(relay):
    peer = await connect(relay, "h3")
    for data in (varint(0x54) + varint(400) + b"\0\0\0", varint(0x41) + varint(400) + b"\2"):
        stream = peer.raw(data[0:2] == varint(0x54), data)
        await stream.until(lambda s: s.stop_raw is not None, "rejection of a strange session")
        check_equal(stream.stop_raw, WT_BUFFERED_STREAM_REJECTED, "code for a strange session")
    peer.connect_stream.send(h3_frame(DATA, close_capsule(0)))
    stream = peer.uni(b"\0\0\0")
    await peer.until(lambda: peer.ended or stream.stop_raw is not None, "rejection of a dead session")
    check(stream.stop_raw in (None, WT_SESSION_GONE, code_to_h3(0)), f"code for a dead session: {stream.state()}")
    await peer.ping() if not peer.ended else None


@on_a_relay()
async def the_relay_closes_by_capsule_and_then_by_code(relay):
    for words, first, code in (("no common version", hello(0xFF0BAD99), VERSION), ("a broken greeting", b"\0\xff" + b"\xff" * 7, BOUNDS),
                               ("another protocol", bytes.fromhex("4040"), UNEXPECTED_STREAM)):
        peer = await dial_session(relay, "h3")
        began = len(peer.connect_stream.raw)
        stream = peer.bidi(first)
        await peer.connect_stream.until(lambda s: s.is_over, f"CLOSE for {words}")
        reader = Reader(peer.connect_stream.raw[began:])
        check_equal(reader.varint(), DATA, f"frame of CLOSE for {words}")
        value = Reader(reader.text())
        check_equal(value.varint(), CLOSE_CAPSULE, "capsule")
        got = int.from_bytes(value.text()[:4], "big")
        check(got == code or words == "a broken greeting" and got == DECODE, f"code of CLOSE for {words}: {got}")
        check(peer.connect_stream.is_ended and not reader.rest(), f"CLOSE for {words} is not the end")
        peer.connect_stream.end()
        await peer.closed(got, words)
        check(stream.reset_raw is not None or words != "another protocol", f"the stream of {words}: {stream.state()}")


@on_a_relay()
async def sigterm_closes_sessions_in_order(relay):
    for binding in BINDINGS:
        own = Relay("-q")
        peer = await connect(own, binding)
        own.send(signal.SIGTERM)
        await peer.closed(CANCELLED, "a session of a relay that ends")
        check_equal(own.wait(10), 0, "exit status")
        check_no_complaint(own)


async def check_turned_away(relay):
    """A page is let in, so that it can be told why it may not stay: first by its stream's reset, then by the session's end."""
    await is_answered((await h3(relay)).raw(False, h3_frame(HEADERS, request())), 401, "a client without a token")
    for opens_a_stream in (True, False):
        peer = await h3(relay)
        peer.connect_stream = peer.raw(False, h3_frame(HEADERS, request(more=[(b"origin", b"https://page.example")])))
        await peer.connect_stream.until(lambda s: len(s.raw) > 2, "an answer to a page")
        peer.session_id, peer.is_wrapped = peer.connect_stream.number, True
        if opens_a_stream:
            await peer.bidi(hello(V03)).was_reset(UNAUTHORIZED, "the stream of a page without a token")
            check(not peer.connect_stream.is_over, "the session ends before the page can know the code")
        await peer.connect_stream.until(lambda s: s.is_over, "CLOSE for a page")
        reader = Reader(peer.connect_stream.raw)
        check_equal((reader.varint(), reader.text() != b""), (HEADERS, True), "the answer to a page")
        check_equal(reader.varint(), DATA, "frame of CLOSE for a page")
        capsule = Reader(reader.text())
        check_equal(capsule.varint(), CLOSE_CAPSULE, "capsule for a page")
        words = capsule.text()
        check_equal(int.from_bytes(words[:4], "big"), UNAUTHORIZED, "code of CLOSE for a page")
        check(b"no token" in words, f"words for a page: {words}")
        peer.connect_stream.end()
        await peer.closed(UNAUTHORIZED, "a page without a token")


def a_page_is_turned_away_with_code_and_words():
    key = Key("turned", "key", "ES256")
    relay = relay_with_auth("turned", f"{{ keys: {key.public} }}", workers=1)
    run_with_peers(check_turned_away, relay, LIMIT_S)
    check_at_base(relay)
    relay.stop()


TESTS = [grease_is_tolerated_wherever_it_may_be, every_byte_of_http3_may_come_alone, streams_may_come_before_their_session,
         too_many_early_streams_are_rejected_and_others_work, other_requests_get_a_status_and_a_second_session_429,
         malformed_requests_cost_their_stream, rules_of_settings_are_kept, frames_in_wrong_places_have_their_codes,
         header_bombs_are_refused, sessions_end_by_capsule_by_fin_and_by_reset, broken_capsules_end_the_session,
         streams_of_no_session_are_rejected_and_of_a_dead_one_gone, the_relay_closes_by_capsule_and_then_by_code,
         a_page_is_turned_away_with_code_and_words, sigterm_closes_sessions_in_order]
