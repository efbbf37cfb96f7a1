# SPDX-License-Identifier: MIT OR Apache-2.0
"""A peer on aioquic that does exactly what it is told: streams with what came on them, raw QUIC or WebTransport under the
same face, frames that no stack would send. Time limits everywhere; a wait that fails says what it waited for."""

import asyncio
import collections
import os
import socket
import ssl
import time

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection, QuicConnectionId
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.tls import Epoch

from moqkit import PATIENCE, Failure, check, check_equal
from wire import *

BINDINGS = ("moqf", "h3")
_everybody = []  # who was connected in this test
ALPN = {"moqf": "moqf-02", "h3": "h3"}
PATIENCE_S = 8


async def until_told(condition, words):
    """Waits for what no stream or connection tells of itself."""
    deadline = time.monotonic() + PATIENCE_S * PATIENCE
    while not condition():
        check(time.monotonic() < deadline, f"still not: {words}")
        await asyncio.sleep(0.02)


class Silent:
    """A transport that swallows what it is to send."""

    def __init__(self, transport):
        self.transport = transport

    def sendto(self, data, address=None):
        pass

    def close(self):
        self.transport.close()


class Stream:
    """One stream: what was sent is forgotten, what came is kept, without the WebTransport header."""

    def __init__(self, peer, number):
        self.peer, self.number = peer, number
        self.raw = bytearray()
        self.is_ended = False
        self.reset_raw = self.stop_raw = None
        self.has_header = peer.is_wrapped and not peer.is_mine(number)

    @property
    def is_uni(self):
        return bool(self.number & 2)

    @property
    def data(self):
        if not self.has_header:
            return bytes(self.raw)
        head = varint(0x54 if self.is_uni else 0x41) + varint(self.peer.session_id)
        if len(self.raw) < len(head):
            return b""
        check_equal(bytes(self.raw[:len(head)]), head, f"the header of stream {self.number}")
        return bytes(self.raw[len(head):])

    @property
    def reset_code(self):
        return self.peer.code(self.reset_raw)

    @property
    def stop_code(self):
        return self.peer.code(self.stop_raw)

    @property
    def is_over(self):
        """The other side has ended what it sends."""
        return self.is_ended or self.reset_raw is not None

    def send(self, data=b"", end=False):
        self.peer._quic.send_stream_data(self.number, bytes(data), end)
        self.peer.transmit()
        return self

    def end(self):
        return self.send(b"", True)

    def reset(self, code=0):
        self.peer._quic.reset_stream(self.number, code_to_h3(code))
        self.peer.transmit()

    def stop(self, code=0):
        self.peer._quic.stop_stream(self.number, code_to_h3(code))
        self.peer.transmit()

    def cancel(self, code=0):
        self.reset(code)
        self.stop(code)

    async def until(self, condition, words, seconds=PATIENCE_S):
        await self.peer.until(lambda: condition(self), words, seconds, lambda: self.state())
        return self

    async def has(self, data, words="bytes of a stream", seconds=PATIENCE_S):
        """Exactly `data` comes, so far."""
        await self.until(lambda s: len(s.data) >= len(data) or s.is_over, f"{words}: {data.hex()}", seconds)
        check_equal(self.data.hex(), bytes(data).hex(), words)

    async def ended(self, data=None, words="a stream", seconds=PATIENCE_S):
        """FIN, after exactly `data`."""
        await self.until(lambda s: s.is_over, f"the end of {words}", seconds)
        check(self.is_ended, f"{words} was not ended: {self.state()}")
        if data is not None:
            check_equal(self.data.hex(), bytes(data).hex(), words)

    async def refused(self, code, words="a stream", seconds=PATIENCE_S):
        """RESET_STREAM with a code of transfork; for a unidirectional one, STOP_SENDING."""
        await self.until(lambda s: (s.stop_raw if s.is_uni else s.reset_raw) is not None or s.is_ended, f"refusal of {words}", seconds)
        check_equal(self.stop_code if self.is_uni else self.reset_code, code, f"code of {words} ({self.state()})")

    async def was_reset(self, code, words="a stream", seconds=PATIENCE_S):
        await self.until(lambda s: s.reset_raw is not None or s.is_ended, f"reset of {words}", seconds)
        check_equal(self.reset_code, code, f"code of {words} ({self.state()})")

    def state(self):
        return (f"stream {self.number}: {self.data[-64:].hex() if len(self.raw) else 'nothing'}{' FIN' if self.is_ended else ''}, "
                f"reset {self.reset_raw}, stop {self.stop_raw}")


class LazyConnection(QuicConnection):
    """Gives the relay no more credit than at the beginning, if told so. Its IDs may have any length, also none, as those of
    browsers: that of the relay's first ID, which a client makes up, is 8 then (RFC 9000, 7.2)."""

    is_lazy = False

    def __init__(self, **more):
        super().__init__(**more)
        self._peer_cid = QuicConnectionId(cid=os.urandom(8), sequence_number=None)
        self._original_destination_connection_id = self._peer_cid.cid

    def _replenish_connection_ids(self):
        if self._configuration.connection_id_length:
            super()._replenish_connection_ids()

    def _write_connection_limits(self, builder, space):
        if not self.is_lazy:
            super()._write_connection_limits(builder, space)

    def _write_stream_limits(self, builder, space, stream):
        if not self.is_lazy:
            super()._write_stream_limits(builder, space, stream)


class Peer(QuicConnectionProtocol):
    """One connection."""

    def __init__(self, quic, binding):
        super().__init__(quic)
        self.binding = binding
        self.is_wrapped = binding == "h3"
        self.session_id = 0
        self.streams, self.arrived = {}, collections.deque()
        self.ended = None
        self.datagrams = 0
        self.news = asyncio.Event()
        self.version = None
        self.next_number = 0

    # ---- what happens

    def stream(self, number):
        if number not in self.streams:
            self.streams[number] = Stream(self, number)
            if not self.is_mine(number):
                self.arrived.append(self.streams[number])
        return self.streams[number]

    def quic_event_received(self, event):
        if isinstance(event, events.StreamDataReceived):
            stream = self.stream(event.stream_id)
            stream.raw += event.data
            stream.is_ended |= event.end_stream
        elif isinstance(event, events.StreamReset):
            self.stream(event.stream_id).reset_raw = event.error_code
        elif isinstance(event, events.StopSendingReceived):
            self.stream(event.stream_id).stop_raw = event.error_code
        elif isinstance(event, events.ConnectionTerminated):
            self.ended = event
        self.news.set()

    def datagram_received(self, data, addr):
        self.datagrams += 1
        super().datagram_received(data, addr)

    def code(self, raw):
        """Stream codes are mapped on both bindings."""
        return raw if raw is None else code_from_h3(raw)

    def is_mine(self, number):
        return number & 1 == 0

    async def until(self, condition, words, seconds=PATIENCE_S, state=lambda: ""):
        deadline = time.monotonic() + seconds * PATIENCE
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0 or self.ended and not condition():
                why = f"the connection ended with {self.ended}" if self.ended else f"after {seconds * PATIENCE} s"
                raise Failure(f"no {words}: {why} ({self.binding}, {self.version and hex(self.version)}) {state()}")
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), left)
            except asyncio.TimeoutError:
                pass

    async def arrival(self, is_uni, seconds=PATIENCE_S, words=None):
        """The next stream of that kind that the relay opened."""
        def first():
            return next((s for s in self.arrived if s.is_uni == is_uni and (s.data or s.is_over)), None)

        await self.until(first, words or ("a group" if is_uni else "a request of the relay"), seconds,
                         lambda: [s.state() for s in self.arrived])
        stream = first()
        self.arrived.remove(stream)
        return stream

    async def group(self, seconds=PATIENCE_S):
        return await self.arrival(True, seconds)

    async def request(self, seconds=PATIENCE_S):
        return await self.arrival(False, seconds)

    async def closed(self, code=None, words="the connection", seconds=PATIENCE_S):
        """CONNECTION_CLOSE came; `code` is one of transfork, raw on moqf and mapped on h3."""
        await self.until(lambda: self.ended, f"end of {words}", seconds)
        if code is not None:
            wanted = code_to_h3(code) if self.is_wrapped else code
            check_equal(self.ended.error_code, wanted, f"how {words} ended ({self.ended.reason_phrase})")

    async def ping(self, seconds=PATIENCE_S):
        """A round trip: the relay lives, and has read what was sent before."""
        try:
            await asyncio.wait_for(super().ping(), seconds * PATIENCE)
        except (asyncio.TimeoutError, ConnectionError):
            raise Failure(f"no answer to a PING: {self.ended}") from None

    # ---- what we do

    def raw(self, is_uni, data=b"", end=False):
        stream = self.stream(self._quic.get_next_available_stream_id(is_unidirectional=is_uni))
        return stream.send(data, end)

    def reserved(self):
        """A bidi stream with nothing on it yet: the next one has a higher number and can come first."""
        number = self._quic.get_next_available_stream_id()
        self._quic._get_or_create_stream_for_send(number)
        return self.stream(number)

    def bidi(self, data=b"", end=False):
        return self.raw(False, (varint(0x41) + varint(self.session_id) if self.is_wrapped else b"") + data, end)

    def uni(self, data=b"", end=False):
        return self.raw(True, (varint(0x54) + varint(self.session_id) if self.is_wrapped else b"") + data, end)

    async def credit(self, is_uni, seconds=PATIENCE_S):
        """Until the relay allows one more stream: aioquic would reset one that it may not open yet."""
        quic = self._quic

        def is_allowed():
            allowed = quic._remote_max_streams_uni if is_uni else quic._remote_max_streams_bidi
            return quic.get_next_available_stream_id(is_unidirectional=is_uni) // 4 < allowed

        while not is_allowed():
            await self.ping(seconds)

    def send_frames(self, data):
        """One packet with these QUIC frames, whatever they are."""
        quic = self._quic
        builder = QuicPacketBuilder(host_cid=quic.host_cid, is_client=True, max_datagram_size=1200, packet_number=quic._packet_number,
                                    peer_cid=quic._peer_cid.cid, peer_token=b"", version=quic._version)
        builder.start_packet(QuicPacketType.ONE_RTT, quic._cryptos[Epoch.ONE_RTT])
        buffer = builder.start_frame(0x01, capacity=len(data))  # PING, then the rest
        buffer.push_bytes(data)
        datagrams, _ = builder.flush()
        quic._packet_number = builder.packet_number
        for datagram in datagrams:
            self._transport.sendto(datagram, quic._network_paths[0].addr)

    def leave(self, code=0):
        """With CONNECTION_CLOSE, and without waiting for what it moves the relay to say."""
        self.speak()
        if not self.ended:
            self.close(error_code=code_to_h3(code) if self.is_wrapped else code)
        self.vanish()

    def fall_silent(self):
        """Sends nothing any more, not even acknowledgements, until it speaks or leaves."""
        self._transport = Silent(self._transport)

    def speak(self):
        if isinstance(self._transport, Silent):
            self._transport = self._transport.transport

    def vanish(self):
        """Without a word, as when a machine loses power."""
        self.ended = self.ended or "left"
        if self._timer:
            self._timer.cancel()
        self._transport.close()


def everybody_leaves():
    for peer in _everybody:
        peer.leave()
    _everybody.clear()


def run_with_peers(test, relay, limit_s):
    """Runs an async function of a relay. Afterwards everybody has left and the relay still runs."""
    async def whole():
        try:
            await asyncio.wait_for(test(relay), limit_s)
        finally:
            everybody_leaves()

    asyncio.run(whole())
    check(relay.is_running(), f"the relay died with {relay.popen.poll()}: {relay.err[-30:]}")


# ---- Making them -------------------------------------------------------------------------------------------------

async def dial(relay, binding="moqf", alpn=None, is_lazy=False, waits=True, tickets=None, **settings):
    """A QUIC connection, nothing more. `tickets` (a list) gets those of TLS."""
    configuration = QuicConfiguration(is_client=True, alpn_protocols=alpn or [ALPN[binding]], verify_mode=ssl.CERT_NONE,
                                      server_name="localhost", max_datagram_frame_size=settings.pop("datagrams", 65536))
    for name, value in settings.items():
        setattr(configuration, name, value)
    quic = LazyConnection(configuration=configuration, session_ticket_handler=None if tickets is None else tickets.append)
    quic.is_lazy = is_lazy
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_datagram_endpoint(lambda: Peer(quic, binding), local_addr=("::1", 0), family=socket.AF_INET6)
    _everybody.append(peer)
    peer.connect(("::1", relay.port, 0, 0))
    if waits:
        try:
            await asyncio.wait_for(peer.wait_connected(), PATIENCE_S * PATIENCE)
        except (asyncio.TimeoutError, ConnectionError):
            raise Failure(f"no connection: {peer.ended}") from None
    return peer


async def connect_h3(peer, settings=SETTINGS, headers=CONNECT):
    """HTTP/3 up to an established WebTransport session."""
    peer.is_wrapped = False
    peer.control = peer.raw(True, b"\0" + h3_frame(SETTINGS_FRAME, settings))
    await peer.until(lambda: any(s.number == 3 and len(s.raw) >= 45 for s in peer.streams.values()), "SETTINGS of the relay")
    control = peer.streams[3]
    peer.arrived.remove(control)
    check_equal(bytes(control.raw).hex(), SERVER_CONTROL.hex(), "the relay's control stream")
    peer.connect_stream = peer.raw(False, h3_frame(HEADERS, headers))
    await peer.connect_stream.until(lambda s: len(s.raw) >= 33 or s.is_over, "an answer to CONNECT")
    check_equal(bytes(peer.connect_stream.raw).hex(), h3_frame(HEADERS, OK).hex(), "the answer to CONNECT")
    peer.session_id = peer.connect_stream.number
    peer.is_wrapped = True


async def dial_session(relay, binding="moqf", **settings):
    """Up to where transfork begins."""
    peer = await dial(relay, binding, **settings)
    if binding == "h3":
        await connect_h3(peer)
    return peer


async def greet(peer, *versions, picked=None):
    peer.session = peer.bidi(hello(*versions))
    picked = picked or versions[0]
    answer = varint(picked, 8) + b"\0"
    await peer.session.until(lambda s: len(s.data) >= len(answer), "SESSION_SERVER")
    check_equal(peer.session.data[:len(answer)].hex(), answer.hex(), "SESSION_SERVER")  # on 03 updates may follow
    peer.version = picked
    peer.asked = await peer.request()
    await peer.asked.has(announce_please(), "what the relay asks of everybody")
    return peer


async def connect(relay, binding="moqf", version=V02, **settings):
    return await greet(await dial_session(relay, binding, **settings), version)


async def publish(peer, *names):
    """Announces paths of one part each, and waits until the relay has read that."""
    for name in names:
        peer.asked.send(announce(ACTIVE, *name))
    await peer.ping()


class Asked:
    """A SUBSCRIBE that the relay sent us, answered with INFO."""

    def __init__(self, stream, version):
        reader = Reader(stream.data)
        check_equal(reader.varint(), SUBSCRIBE, "type of the relay's request")
        self.stream, self.peer, self.version = stream, stream.peer, version
        self.number, self.name = reader.varint(), reader.path()
        self.priority = reader.varint() if version == V03 else reader.bytes(1)[0]
        self.order = reader.varint()
        self.expires = 0 if version == V04 else reader.varint()
        self.first, self.last = reader.varint(), reader.varint()
        self.updates = reader.rest()

    def group(self, sequence, *frames, end=True):
        return self.peer.uni(group(self.number, sequence) + b"".join(frame(f) for f in frames), end)


async def subscription(peer, seconds=PATIENCE_S, answers=True):
    """The next SUBSCRIBE of the relay's."""
    stream = await peer.request(seconds)
    asked = Asked(stream, peer.version)
    if answers:
        stream.send(info(peer.version))
    return asked


class Watching:
    """A subscription of ours."""

    def __init__(self, peer, name, **wish):
        self.peer, self.name = peer, name
        self.number, peer.next_number = peer.next_number, peer.next_number + 1
        self.info = info(peer.version, wish.get("priority", 128), wish.get("order", 1), 0, 0)
        self.stream = peer.bidi(subscribe(peer.version, self.number, name, **wish))

    async def next(self, seconds=PATIENCE_S):
        """The next group stream, whoever it is for: (stream, sequence, bytes after the header)."""
        stream = await self.peer.group(seconds)
        return (stream, *self.split(stream))

    def split(self, stream):
        reader = Reader(stream.data)
        check_equal((reader.varint(), reader.varint()), (0, self.number), "type and subscription of a group")
        return reader.varint(), reader.rest()


async def watch(peer, name, **wish):
    watching = Watching(peer, name, **wish)
    await watching.stream.until(lambda s: len(s.data) >= len(watching.info) or s.is_over, "INFO")
    return watching
