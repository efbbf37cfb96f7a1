# SPDX-License-Identifier: MIT OR Apache-2.0
"""A relay that does harm to pages, on aioquic and the bytes of tests/attack. It is a good one but for what the path of a page's address
says: `/STEP-HARM` gets that harm at that step of the conversation, once, and `/flood-WHAT` a flood at first. Whoever asks again is served."""

import asyncio
import datetime
import hashlib
import http.server
import itertools
import json
import os
import socket
import sys
import threading

from moqkit import *

sys.path.append(os.path.join(TOP, "tests", "attack"))
try:
    import aioquic_here  # noqa: F401
except SystemExit:
    raise Skipped("aioquic cannot be installed") from None

import pylsqpack
from aioquic.asyncio import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import StopSendingReceived
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from peer import Peer
from wire import *

CATALOG = json.dumps({"video": [{"track": {"name": "v", "priority": 1}, "codec": "vp8", "resolution": {"width": 320, "height": 180}}]})
INSTANCE = "7"
GARBAGE = b"\xff" * 40
CLOSE_CODE, CLOSE_WORDS = 77, "words of <b>a relay\x07</b>"
FRAME_US = 100_000
FRAMES_AT_ONCE = 2  # python is slow
MANY_GROUPS = 1000
H3_INTERNAL_ERROR = 0x102


def certificate():
    """Files of a certificate that a page may pin, and of its key; and the fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(key, hashes.SHA256()))
    paths = [scratch("harm.crt"), scratch("harm.key")]
    texts = [made.public_bytes(serialization.Encoding.PEM),
             key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())]
    for path, content in zip(paths, texts):
        with open(path, "wb") as file:
            file.write(content)
    return *paths, hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()


class Visit(Peer):
    """One connection of a page."""

    def __init__(self, quic, relay):
        super().__init__(quic, "h3")
        self.relay, self.is_wrapped, self.version = relay, False, V03
        self.name = self.connect_stream = None
        self.has_left = self.is_closing = False
        self.tasks = {self.begin(self.converse())}

    def is_mine(self, number):
        return number & 1 == 1

    def begin(self, work):
        async def whole():
            try:
                await work
            except (Failure, AssertionError, IndexError, RuntimeError, ValueError):
                pass  # the page has left, or has been harmed
        task = asyncio.get_running_loop().create_task(whole())
        if hasattr(self, "tasks"):
            self.tasks.add(task)
        return task

    def connection_lost(self, exc):
        super().connection_lost(exc)
        self.relay.visits.discard(self)

    def quic_event_received(self, event):
        super().quic_event_received(event)
        if isinstance(event, StopSendingReceived) and event.stream_id & 2:
            self.streams[event.stream_id].reset(0)
        if self.connect_stream and self.connect_stream.is_over and not self.has_left:
            self.has_left = True
            self.relay.visits.discard(self)
            if self.connect_stream.is_ended and not self.is_closing:
                self.connect_stream.end()  # Chromium waits for that
        if self.ended:
            self.relay.visits.discard(self)
            for task in self.tasks:
                task.cancel()

    # ---- the conversation

    async def converse(self):
        await self.until(lambda: self.streams, "a control stream", 60)
        self.raw(True, SERVER_CONTROL)
        await self.until(lambda: 0 in self.streams and len(self.streams[0].raw) > 2, "CONNECT", 60)
        self.connect_stream = self.streams[0]
        self.connect_stream.has_header = False
        reader = Reader(self.connect_stream.raw)
        reader.varint()
        fields = dict(pylsqpack.Decoder(0, 0).feed_header(0, reader.text())[1])
        self.name = fields[b":path"].decode().strip("/")
        if await self.harmed("connect", self.connect_stream):
            return
        self.arrived.clear()
        self.is_wrapped = True
        self.relay.visits.add(self)
        self.connect_stream.send(h3_frame(HEADERS, OK))
        self.session = await self.request(600)
        if await self.harmed("session", self.session):
            return
        self.session.send(varint(V03, 8) + b"\0")
        self.begin(self.visit_publishers())
        while True:
            self.begin(self.answer(await self.request(600)))

    async def answer(self, stream):
        reader = Reader(stream.data)
        kind = reader.varint()
        if kind == ANNOUNCE:
            if not await self.harmed("announce", stream):
                flood = b"".join(announce(ACTIVE, str(1_000_000 + i)) for i in range(100_000)) if self.is_flooded("names") else b""
                stream.send(announce(ACTIVE, INSTANCE) + flood + announce(LIVE))
        elif kind == SUBSCRIBE:
            number, name = reader.varint(), reader.path()
            await (self.serve_catalog if name[-1].isdigit() else self.serve_media)(stream, number)

    async def serve_catalog(self, stream, number):
        if await self.harmed("info", stream):
            return
        stream.send(info(V03))
        if self.is_flooded("catalog"):
            self.uni(group(number, 0) + varint(50 << 20) + b" " * (4 << 20))
            self.uni(group(number, 1) + frame(b" " * (15 << 20)), True)
        else:
            await self.send_group("catalog", number, 2, [CATALOG.encode()])

    async def serve_media(self, stream, number):
        if await self.harmed("media-info", stream):
            return
        stream.send(info(V03))
        first = await self.flood(number)
        now = asyncio.get_running_loop().time
        began = now()
        for count in range(100_000):
            begin_us = count * len(self.relay.second) * FRAME_US
            frames = [varint(begin_us + i * FRAME_US) + data for i, data in enumerate(self.relay.second)]
            step = "media" if count == 0 else "later"

            async def pace(i):
                if i % FRAMES_AT_ONCE == 0:
                    await asyncio.sleep(began + (begin_us + i * FRAME_US) / 1e6 - now())

            await self.send_group(step, number, first + count, frames, pace)
            await pace(len(frames))

    def is_flooded(self, what):
        """Once, if it is to be."""
        return self.name == f"flood-{what}" and self.relay.due.pop(self.name, None) is not None

    async def flood(self, number):
        """What is flooded with groups; returns the sequence of the one after them."""
        if self.is_flooded("frames"):
            for i in range(200):
                self.uni(group(number, i) + varint(1 << 40) + b"x" * 1000)
            return 200
        if self.is_flooded("groups"):
            for i in range(MANY_GROUPS):
                await self.credit(True, 60)
                self.uni(group(number, i) + frame(varint(0) + b"x"))
            return MANY_GROUPS
        if self.is_flooded("endless"):
            endless = self.uni(group(number, 0))
            for i in range(66):  # more than a group may have
                endless.send(frame(varint(i * FRAME_US) + bytes(1 << 20)))
                await self.ping()
            return 1
        return 0

    async def send_group(self, step, number, sequence, frames, pace=None):
        stream = self.uni(b"\0")
        if await self.harmed(f"{step}-group", stream):
            return
        stream.send(group(number, sequence)[1:])
        if await self.harmed(f"{step}-frame", stream):
            return
        for i, content in enumerate(frames):
            if pace:
                await pace(i)
            half = len(content) // 2
            whole = frame(content)
            if i == 0 and self.is_due(f"{step}-mid"):
                stream.send(whole[:-half])
                await self.harmed(f"{step}-mid", stream)
                return
            stream.send(whole)
        stream.end()

    async def visit_publishers(self):
        """What a relay asks of a page that publishes, again after each harm."""
        for number in itertools.count(1, 2):
            if await self.visit_publisher(number):
                break
        self.relay.served.add(self.name)

    async def visit_publisher(self, number):
        """False: something was harmed."""
        asked = self.bidi(announce_please(*self.name.split("/")))
        if await self.harmed("ask-announce", asked):
            return False
        await asked.until(lambda s: len(s.data) > 3, "an announcement", 600)
        reader = Reader(asked.data)
        while reader.varint() != ACTIVE:
            pass  # LIVE
        path = (self.name, *reader.path())
        catalog = self.bidi(subscribe(V03, number, path))
        if await self.harmed("ask-catalog", catalog):
            return False
        got = await self.group_of(number)
        if await self.harmed("ask-group", got):
            return False
        await got.until(lambda s: s.is_over, "the catalog")
        tracks = json.loads(got.data[got.data.index(b"{"):])["video"]
        media = self.bidi(subscribe(V03, number + 1, (*path, tracks[0]["track"]["name"])))
        if await self.harmed("ask-media", media):
            return False
        got = await self.group_of(number + 1)
        if await self.harmed("ask-picture", got):
            return False
        await got.until(lambda s: len(s.data) > 200, "a picture", 600)
        return True

    async def group_of(self, number):
        """The next group of this subscription."""
        while True:
            got = await self.group(600)
            if got.data[:2] == bytes((0, number)):
                return got

    # ---- harm

    def is_due(self, step):
        return self.relay.due.get(self.name) == step

    async def harmed(self, step, stream):
        """Does the harm that belongs to this step; False: none does, or it was done before."""
        if not self.is_due(step):
            return False
        del self.relay.due[self.name]
        harm = self.name.rsplit("-", 1)[1]
        self.is_closing = harm in ("close", "end") and (harm == "close" or step == "connect")
        if harm == "close":
            self.connect_stream.send(h3_frame(DATA, close_capsule(CLOSE_CODE, CLOSE_WORDS)) if self.is_wrapped else b"", True)
        elif harm == "lose":
            self.close(error_code=H3_INTERNAL_ERROR)
        elif stream.is_uni and not self.is_mine(stream.number):
            if not stream.is_over:
                stream.stop({"reset": 5, "end": 0}.get(harm, 0xFFFF))
        elif harm == "reset":
            stream.reset(5) if stream.is_uni else stream.cancel(5)
        elif harm == "end":
            stream.end()
        elif harm == "garbage":
            stream.send(h3_frame(HEADERS, GARBAGE) if step == "connect" else GARBAGE)
        self.relay.harmed.append(self.name)
        return True


class HarmfulRelay:
    """`second`: VP8 frames of a second, which is what it sends."""

    def __init__(self, second):
        self.second, self.port = second, free_port()
        self.due, self.harmed = {}, []
        self.visits, self.served = set(), set()
        *self.files, self.fingerprint = certificate()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.quic = asyncio.run_coroutine_threadsafe(self._serve(), self.loop).result(20)
        self.http = self._serve_fingerprint()

    async def _serve(self):
        configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"], max_datagram_frame_size=65536)
        configuration.load_cert_chain(*self.files)
        return await serve("::", self.port, configuration=configuration, create_protocol=lambda quic, stream_handler=None: Visit(quic, self))

    def _serve_fingerprint(self):
        fingerprint = self.fingerprint.encode()

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                self.wfile.write(fingerprint)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6

        server = Server(("::", self.port), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def url(self, path=""):
        return f"http://localhost:{self.port}{path}"

    def harm(self, *names):
        """From now on these get their harm, once."""
        self.due.update({name: name.rsplit("-", 1)[0] for name in names})

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _end(self):
        self.quic.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
