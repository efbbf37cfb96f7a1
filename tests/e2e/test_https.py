# SPDX-License-Identifier: MIT OR Apache-2.0
"""HTTPS on the port of HTTP: which certificate is shown, also after a reload and a renewal, and what clients cannot do to others."""

import hashlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import threading
import time

from moqkit import *
from test_certificates import Authority, chain, openssl
from wallkit import WallClock

PLACES = 64
DAY_S = 86400


def put(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


class Site(Relay):
    """A relay that serves a folder by HTTP and HTTPS."""

    def __init__(self, name, certificate="self_signed: [localhost]", env=None):
        self.folder, self.file, port = scratch(name), scratch(name + ".yaml"), free_port()
        put(self.folder, "index.html", b"hello")
        put(self.folder, "big.bin", os.urandom(3 << 20))
        self.write(port, certificate)
        super().__init__(port=port, argv=[program("moq-relay"), self.file], env=env)

    def write(self, port, certificate, tls="true"):
        with open(self.file, "w") as file:
            file.write(f'listen: [{{ address: "[::]:{port}", {certificate} }}]\nhttp: {{ address: listen, files: {self.folder}, tls: {tls} }}\n')

    def connect(self, context=None):
        one = http.client.HTTPSConnection("localhost", self.port, timeout=60, context=context or anyone())
        one.connect()
        return one

    def shown(self):
        """SHA-256 of the certificate that a new client is shown."""
        one = self.connect()
        digest = fingerprint_of(one)
        one.close()
        return digest

    def speaks_tls(self):
        try:
            self.connect().close()
            return True
        except OSError:
            return False


def anyone():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def fingerprint_of(connection):
    return hashlib.sha256(connection.sock.getpeercert(True)).hexdigest()


def ask(connection, path, **fields):
    connection.request("GET", path, headers=fields)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def http_and_https_share_a_port():
    relay = Site("shared")
    one, plain = relay.connect(), http.client.HTTPConnection("localhost", relay.port, timeout=60)
    for connection in (one, plain):
        for _ in range(5):
            check_equal(ask(connection, "/")[::2], (200, b"hello"), "the page")
    check_equal(fingerprint_of(one), relay.get("/fingerprint"), "the certificate, which is that of QUIC")
    check_equal(ask(one, "/fingerprint")[2].decode(), relay.get("/fingerprint"), "both have the same pages")
    whole = ask(one, "/big.bin")[2]
    with open(os.path.join(relay.folder, "big.bin"), "rb") as file:
        check_equal(file.read() == whole, True, "3 MiB come whole")
    status, fields, body = ask(one, "/big.bin", Range="bytes=1000000-2000000")
    check_equal((status, fields["Content-Range"], body == whole[1000000:2000001]), (206, "bytes 1000000-2000000/3145728", True), "a part")
    check(one.sock.version() in ("TLSv1.2", "TLSv1.3"), f"the version: {one.sock.version()}")
    old = anyone()
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    try:
        relay.connect(old)
        raise Failure("TLS 1.1 is spoken")
    except ssl.SSLError:
        pass
    relay.stop()


def without_tls_there_is_no_https():
    relay = Site("plain")
    relay.write(relay.port, "self_signed: [localhost]", "false")
    before = relay.connect()
    relay.send(signal.SIGHUP)
    wait_until(lambda: not relay.speaks_tls(), 10, "HTTPS is turned off")
    check_equal(ask(before, "/")[0], 200, "who was there before")
    before.close()
    check_equal(relay.get("/"), "hello", "plain HTTP goes on")
    relay.write(relay.port, "self_signed: [localhost]")
    relay.send(signal.SIGHUP)
    wait_until(relay.speaks_tls, 10, "HTTPS is turned on again")
    check_equal(relay.shown(), relay.get("/fingerprint"), "the certificate")
    relay.stop()


def certificates_of_files_come_with_their_chain():
    """A client that knows the root alone trusts the relay, also after a reload with another certificate, or another chain."""
    root = Authority("https-root")
    between = Authority("https-between", root)
    first, second = (between.sign(name, "subjectAltName=DNS:localhost") for name in ("first", "second"))
    leaf, key = chain("https-leaf.pem", first[0], between.cert), shutil.copy(first[1], scratch("https-leaf.key"))
    pair = f"certificates: [{{ cert: {leaf}, key: {key} }}]"
    relay = Site("files", pair)
    trusting = ssl.create_default_context(cafile=root.cert)
    kept = relay.connect(trusting)
    check_equal(ask(kept, "/")[0], 200, "the page")
    before = fingerprint_of(kept)

    shutil.copy(second[1], key)
    chain("https-leaf.pem", second[0], between.cert)
    relay.send(signal.SIGHUP)
    wait_until(lambda: relay.shown() != before, 10, "the new certificate")
    relay.connect(trusting).close()
    check_equal(relay.shown(), relay.get("/fingerprint"), "the certificate is that of QUIC")
    check_equal(ask(kept, "/big.bin")[0], 200, "who was there before stays")

    chain("https-leaf.pem", second[0])
    relay.send(signal.SIGHUP)

    def is_trusted():
        try:
            relay.connect(trusting).close()
            return True
        except ssl.SSLCertVerificationError:
            return False

    wait_until(lambda: not is_trusted(), 10, "the chain without what is between")
    chain("https-leaf.pem", second[0], between.cert)
    relay.send(signal.SIGHUP)
    wait_until(is_trusted, 10, "the whole chain")
    kept.close()
    relay.stop()


def who_asks_for_no_name_gets_the_first_certificate():
    """As browsers do whose URL has an address. Whatever is asked for, HTTPS shows what /fingerprint tells, and QUIC shows it too."""
    root = Authority("https-names")
    pairs = [root.sign(name, f"subjectAltName=DNS:{name}.example") for name in ("one", "two")]
    files = ", ".join(f"{{ cert: {cert}, key: {key} }}" for cert, key in pairs)
    relay = Site("names", f"certificates: [{files}], self_signed: [localhost]")
    first = hashlib.sha256(ssl.PEM_cert_to_DER_cert(open(pairs[0][0]).read())).hexdigest()
    check_equal(relay.get("/fingerprint"), first, "the fingerprint")
    for address in ("127.0.0.1", "::1"):
        for name in (None, address, "two.example", "none.example"):  # Python, too, sends addresses to nobody
            with socket.create_connection((address, relay.port), timeout=60) as plain, anyone().wrap_socket(plain, server_hostname=name) as one:
                check_equal(hashlib.sha256(one.getpeercert(True)).hexdigest(), first, f"the certificate of {address} for {name}")
                one.sendall(b"GET / HTTP/1.0\r\n\r\n")
                check_equal(one.recv(12), b"HTTP/1.1 200", f"the page of {address} for {name}")
    for host in ("127.0.0.1", "[::1]"):
        status, _, err = run([program("moq-karp"), "connect", f"http://{host}:{relay.port}/a"])
        check_equal(status, 0, f"who pins the fingerprint at {host}: {err}")
    relay.stop()


def rsa_keys_work_too():
    cert, key = scratch("rsa.pem"), scratch("rsa.key")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", key, "-out", cert)
    relay = Site("rsa", f"certificates: [{{ cert: {cert}, key: {key} }}]")
    one = relay.connect(ssl.create_default_context(cafile=cert))
    check_equal(ask(one, "/")[0], 200, "the page")
    relay.stop()


def a_renewed_certificate_is_shown():
    """The clock is set to the last day of the self-signed certificate."""
    wall = WallClock()
    relay = Site("renewed", env=wall.env)
    before, kept = relay.shown(), relay.connect()
    check_equal(ask(kept, "/")[0], 200, "the page")
    wall.set_ahead(12.5 * DAY_S)
    relay.wait_for("renewed a self-signed certificate", 30)
    check(relay.shown() != before, "the old certificate is shown")
    check_equal(relay.shown(), relay.get("/fingerprint"), "the certificate is that of QUIC")
    check_equal(fingerprint_of(kept), before, "who was there before")
    relay.stop()


def garbage_and_silence_cost_their_senders_alone():
    relay = Site("garbage")
    fds = f"/proc/{relay.popen.pid}/fd"
    count = len(os.listdir(fds))
    for words in (b"\x16", b"\x16\x03\x01\x00\x05hello", b"\x16" + b"\xff" * 3000, b"\x16\x03\x03\xff\xff" + b"a" * 70000, b"\x80\x2e\x01", b"\0", b"\r\n"):
        for is_closed in (True, False):
            with socket.create_connection(("localhost", relay.port), timeout=60) as one:
                try:
                    one.sendall(words)
                    if is_closed:
                        one.shutdown(socket.SHUT_WR)
                        one.recv(4096)
                except OSError:
                    pass  # it was ended
        check(relay.is_running(), f"the relay after {words[:20]}")
        check_equal(ask(relay.connect(), "/")[0], 200, "a client")
    for _ in range(30):
        socket.create_connection(("localhost", relay.port), timeout=60).close()
    wait_until(lambda: len(os.listdir(fds)) <= count + 1, 10, f"descriptors stay open: {len(os.listdir(fds))} after {count}")
    crowd = []
    for number in range(PLACES):
        one = socket.socket()
        one.bind((f"127.0.0.{2 + number // 16}", 0))
        one.connect(("127.0.0.1", relay.port))
        if number % 2:
            one.sendall(b"\x16\x03\x01\x02\x00")
        crowd.append(one)
    check_equal(ask(relay.connect(), "/")[0], 200, "who waits for the places of silent ones")
    for one in crowd:
        one.close()
    relay.stop()


def handshakes_do_not_delay_the_live():
    relay = Site("handshakes")
    clock = Process([program("moq-clock"), "--tls-disable-verify", relay.url("/demo"), "--publish"])
    viewer = Process([program("moq-clock"), "--tls-disable-verify", relay.url("/demo")])
    wait_until(lambda: len(viewer.out) >= 2, 15, f"no time is seen: {viewer.err}")
    is_over, counts = threading.Event(), [0] * 4

    def shake(number):
        while not is_over.is_set():
            one = relay.connect()
            check_equal(ask(one, "/")[0], 200, "the page")
            one.close()
            counts[number] += 1

    threads = [threading.Thread(target=shake, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    before, begin = len(viewer.out), time.monotonic()
    time.sleep(5)
    seen, lasted = len(viewer.out) - before, time.monotonic() - begin
    is_over.set()
    for thread in threads:
        thread.join()
    check(all(counts), f"handshakes: {counts}")
    check(seen >= lasted / 2, f"in {lasted:.1f} s the clock ticked {seen} times")
    for process in (clock, viewer):
        check_equal(process.end(), 0, "exit status of a clock")
    relay.stop()


TESTS = [http_and_https_share_a_port, without_tls_there_is_no_https, certificates_of_files_come_with_their_chain,
         who_asks_for_no_name_gets_the_first_certificate, rsa_keys_work_too,
         a_renewed_certificate_is_shown, garbage_and_silence_cost_their_senders_alone, handshakes_do_not_delay_the_live]
