# SPDX-License-Identifier: MIT OR Apache-2.0
"""Static files over HTTP: what is sent, what is never sent, and who has to wait for whom."""

import email.utils
import gzip
import http.client
import os
import re
import shutil
import signal
import socket
import threading
import time

from moqkit import *

PATIENCE_S = 15  # GUEST_PATIENCE_MS
PLACES = 64


def put(folder, name, data=b"x"):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
    return path


def site(name):
    """A folder of files, beside which lies a secret."""
    folder = os.path.join(scratch(name), "site")
    put(folder, "index.html", "<h1>hello</h1>")
    put(folder, "demo/index.html", "<h1>demo</h1>")
    put(folder, "empty/x.txt", "x")
    put(folder, "digits.bin", b"0123456789")
    put(os.path.dirname(folder), "secret.txt", "secret")
    return folder


class Site(Relay):
    """A relay that serves a folder."""

    def __init__(self, name, more="", folder=None):
        port = free_port()
        self.folder = folder or site(name)
        self.file = scratch(name + ".yaml")
        self.write(port, f"files: {self.folder}{more}")
        super().__init__(port=port, argv=[program("moq-relay"), self.file])

    def write(self, port, http_settings, rest=""):
        with open(self.file, "w") as file:
            file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\n'
                       f"http: {{ address: listen, {http_settings} }}\n{rest}")

    def ask(self, path, method="GET", **fields):
        """Returns (status, header fields, body) of one answer. Underscores in names of fields stand for dashes."""
        one = http.client.HTTPConnection("localhost", self.port, timeout=60)
        answer = asked(one, path, method, **fields)
        one.close()
        return answer

    def status(self, path):
        return self.ask(path)[0]


def asked(connection, path, method="GET", **fields):
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in fields.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def files_have_types_and_folders_have_pages():
    relay = Site("types")
    types = {"a.html": "text/html; charset=utf-8", "a.js": "text/javascript; charset=utf-8", "a.mjs": "text/javascript; charset=utf-8",
             "a.css": "text/css; charset=utf-8", "a.json": "application/json", "a.js.map": "application/json", "a.svg": "image/svg+xml",
             "a.png": "image/png", "a.jpg": "image/jpeg", "a.webp": "image/webp", "a.avif": "image/avif", "a.ico": "image/x-icon",
             "a.woff2": "font/woff2", "a.wasm": "application/wasm", "a.mp4": "video/mp4", "a.m4s": "video/iso.segment",
             "a.webm": "video/webm", "a.txt": "text/plain; charset=utf-8", "a.yaml": "text/plain; charset=utf-8",
             "a.ts": "text/plain; charset=utf-8", "a.xyz": "application/octet-stream", "a": "application/octet-stream"}
    for name, wanted in types.items():
        put(relay.folder, name, name)
        status, fields, body = relay.ask("/" + name)
        check_equal((status, fields["Content-Type"], body), (200, wanted, name.encode()), name)
        check_equal(fields["X-Content-Type-Options"], "nosniff", name)
    for path in ("/", "/index.html", "/?v=2"):
        check_equal(relay.ask(path)[::2], (200, b"<h1>hello</h1>"), path)
    check_equal(relay.ask("/demo/")[2], b"<h1>demo</h1>", "the page of a folder")
    status, fields, _ = relay.ask("/demo?v=2&w=%20")
    check_equal((status, fields["Location"]), (301, "./demo/?v=2&w=%20"), "a folder without its slash")
    check_equal(relay.status("/empty/"), 404, "a folder is not listed")
    check_equal(relay.status("/digits.bin/"), 404, "a file is no folder")
    check_equal(relay.status("/fingerprint"), 200, "the pages are there too")
    status, _, body = relay.ask("/none")
    check(status == 404 and b"/fingerprint" in body and b"no files" not in body, f"{status} {body}")
    put(relay.folder, "nothing.txt", b"")
    check_equal((relay.ask("/nothing.txt")[2], relay.ask("/nothing.txt", Range="bytes=0-")[0]), (b"", 416), "an empty file")
    relay.stop()


def what_the_client_has_is_not_sent_again():
    relay = Site("cached")
    path = put(relay.folder, "assets/app-BkP3x_9f.js")
    _, fields, _ = relay.ask("/digits.bin")
    tag, date = fields["ETag"], fields["Last-Modified"]
    check_equal(fields["Cache-Control"], "no-cache", "a file that may change")
    check_equal(relay.ask("/assets/app-BkP3x_9f.js")[1]["Cache-Control"], "public, max-age=31536000, immutable", "one that cannot")
    later = email.utils.formatdate(time.time() + 60, usegmt=True)
    for fields, wanted in (({"If_None_Match": tag}, 304), ({"If_None_Match": f'"x", W/{tag}'}, 304), ({"If_None_Match": "*"}, 304),
                           ({"If_None_Match": '"x"'}, 200), ({"If_None_Match": '"x"', "If_Modified_Since": date}, 200),
                           ({"If_Modified_Since": date}, 304), ({"If_Modified_Since": later}, 304),
                           ({"If_Modified_Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, 200), ({"If_Modified_Since": "yesterday"}, 200)):
        for method in ("GET", "HEAD"):
            status, got, body = relay.ask("/digits.bin", method, **fields)
            has_body = status == 200 and method == "GET"
            check_equal((status, body, got["ETag"]), (wanted, b"0123456789" if has_body else b"", tag), f"{method} {fields}")
            check_equal(got["Content-Length"], "10", f"the length of a 200: {method} {fields}")
    put(relay.folder, "digits.bin", b"9876543210")
    check_equal(relay.ask("/digits.bin", If_None_Match=tag)[::2], (200, b"9876543210"), "the file has changed, but not its size")
    status, fields, body = relay.ask("/digits.bin", "HEAD")
    check_equal((status, fields["Content-Length"], body), (200, "10", b""), "HEAD")
    os.remove(path)
    relay.stop()


def one_part_of_a_file_can_be_asked_for():
    relay = Site("parts")
    tag, date = (relay.ask("/digits.bin")[1][name] for name in ("ETag", "Last-Modified"))
    for wanted, status, span, body in (("bytes=2-4", 206, "bytes 2-4/10", b"234"), ("bytes=7-", 206, "bytes 7-9/10", b"789"),
                                       ("bytes=-2", 206, "bytes 8-9/10", b"89"), ("bytes=0-99", 206, "bytes 0-9/10", b"0123456789"),
                                       ("bytes=10-", 416, "bytes */10", b""), ("bytes=-0", 416, "bytes */10", b""),
                                       ("bytes=1-2,4-5", 200, None, b"0123456789"), ("lines=1-2", 200, None, b"0123456789")):
        got = relay.ask("/digits.bin", Range=wanted)
        check_equal((got[0], got[1]["Content-Range"], got[2]), (status, span, body), wanted)
    for condition, status in ((tag, 206), (date, 206), ('"x"', 200), (f"W/{tag}", 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200)):
        check_equal(relay.ask("/digits.bin", Range="bytes=1-2", If_Range=condition)[0], status, f"If-Range: {condition}")
    check_equal(relay.ask("/digits.bin", "HEAD", Range="bytes=1-2")[0], 200, "HEAD has no parts")
    big = os.urandom(3 << 20)
    put(relay.folder, "big.bin", big)
    check_equal(relay.ask("/big.bin")[2] == big, True, "3 MiB come whole")
    check_equal(relay.ask("/big.bin", Range="bytes=1048577-2097159")[2] == big[1048577:2097160], True, "1 MiB of them")
    relay.stop()


def what_is_compressed_beside_is_sent():
    relay = Site("coded")
    put(relay.folder, "app.js", "plain " * 100)
    tags = {None: relay.ask("/app.js", Accept_Encoding="gzip, br")[1]["ETag"]}
    check("Vary" not in relay.ask("/app.js")[1], "there is one form only")
    zipped = gzip.compress(b"plain " * 100)
    put(relay.folder, "app.js.gz", zipped)
    put(relay.folder, "app.js.br", b"brotli")
    bodies = {None: b"plain " * 100, "gzip": zipped, "br": b"brotli"}
    for accepted, coding in (("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0.5, gzip;q=0.9", "gzip"), ("br;q=0, *", "gzip"),
                             ("identity", None), ("", None), ("gzip;q=0.5, identity;q=0.9", None), ("*", "br"), ("br;q=0,gzip;q=0", None)):
        status, fields, body = relay.ask("/app.js", Accept_Encoding=accepted)
        check_equal((status, fields["Content-Encoding"], fields["Vary"]), (200, coding, "Accept-Encoding"), accepted)
        check_equal((body, fields["Content-Type"]), (bodies[coding], "text/javascript; charset=utf-8"), accepted)
        check_equal(tags.setdefault(coding, fields["ETag"]), fields["ETag"], f"the tag for {accepted}")
    check_equal(len(set(tags.values())), 3, "each form has a tag of its own")
    check_equal(relay.ask("/app.js", Accept_Encoding="br", If_None_Match=tags["br"])[0], 304, "the coded one is known")
    check_equal(relay.ask("/app.js", Accept_Encoding="br", If_None_Match=tags[None])[0], 200, "the plain one is another")
    check_equal(relay.ask("/app.js", Accept_Encoding="br", Range="bytes=1-2")[2], b"ro", "a part of the coded one")
    relay.stop()


def nothing_outside_is_sent():
    relay = Site("escapes")
    folder = relay.folder
    above = os.path.dirname(folder)
    put(folder, ".env", "secret")
    put(folder, ".git/config", "secret")
    put(folder, "sub/real.txt", "inside")
    for name, target in (("out", "../secret.txt"), ("passwd", "/etc/passwd"), ("above", ".."), ("top", "/"), ("loop", "loop"),
                         ("in", "sub/real.txt"), ("folder", "sub"), ("sub/up", "../digits.bin"), ("absolute", os.path.join(folder, "sub/real.txt"))):
        os.symlink(target, os.path.join(folder, name))
    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/..%5csecret.txt", "/sub/../../secret.txt", "/sub/%2E%2E/digits.bin",
                 "/./digits.bin", "//digits.bin", "/sub//real.txt", "/sub%2freal.txt", "/%252e%252e/secret.txt", "/.env", "/%2eenv", "/.git/config",
                 "/out", "/passwd", "/above/secret.txt", "/top/etc/passwd", "/loop", "/index.html%00.txt", "/index.html%", "/%c0%ae%c0%ae/secret.txt",
                 "/digits.bin%0a", "/" + "a" * 300, "/" + "a/" * 900, "/" + "a" * 4000):
        status, _, body = relay.ask(path)
        check(status in (400, 404, 414) and b"secret" not in body and b"root:" not in body and b"0123" not in body, f"{path}: {status} {body}")
    for path, wanted in (("/in", b"inside"), ("/folder/real.txt", b"inside"), ("/sub/up", b"0123456789"), ("/absolute", b"inside"), ("/%69n", b"inside")):
        check_equal(relay.ask(path)[::2], (200, wanted), path)
    raw = b"GET http://localhost/digits.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("localhost", relay.port), timeout=60) as one:
        one.sendall(raw)
        check(one.recv(12) == b"HTTP/1.1 400", "a target that is no path")
    check(os.path.exists(os.path.join(above, "secret.txt")), "the secret is there")
    relay.stop()


def only_plain_files_are_opened():
    """A FIFO would wait for its other end, and with it everybody."""
    relay = Site("special")
    os.mkfifo(os.path.join(relay.folder, "fifo"))
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.join(relay.folder, "s"))
    os.mkfifo(os.path.join(relay.folder, "digits.bin.br"))
    for name in ("null", "zero", "tty", "random"):
        os.symlink(f"/dev/{name}", os.path.join(relay.folder, name))
    for path in ("/fifo", "/s", "/null", "/zero", "/tty", "/random", "/fifo/"):
        check_equal(relay.status(path), 404, path)
    check_equal(relay.ask("/digits.bin", Accept_Encoding="br")[2], b"0123456789", "a FIFO beside")
    try:
        os.mknod(os.path.join(relay.folder, "device"), 0o20644, os.makedev(1, 5))
        check_equal(relay.status("/device"), 404, "a device")
    except PermissionError:
        pass  # only root makes devices
    relay.stop()


def files_that_may_not_be_read_are_told_of():
    if os.geteuid() != 0:
        raise Skipped("needs root, to make a file of somebody else")
    folder = site("unreadable")
    mine = put(folder, "mine.txt", "secret")
    os.chown(mine, 65534, 65534)
    os.chmod(mine, 0o600)
    port = free_port()
    config = scratch("unreadable.yaml")
    with open(config, "w") as file:
        file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp: {{ address: listen, files: {folder} }}\n')
    # It stays root, whose folders these are, but without the right to read everything.
    relay = Relay(port=port, argv=["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", program("moq-relay"), config])
    one = http.client.HTTPConnection("localhost", port, timeout=60)
    status, _, body = asked(one, "/mine.txt")
    check(status == 403 and b"secret" not in body, f"{status} {body}")
    check_equal(asked(one, "/digits.bin")[0], 200, "others")
    relay.wait_for("http.files: cannot read mine.txt: Permission denied")
    relay.stop()


def a_reload_may_name_another_folder():
    relay = Site("reloaded")
    other = site("reloaded-other")
    put(other, "index.html", "other")
    relay.write(relay.port, f"files: {other}")
    relay.send(signal.SIGHUP)
    wait_until(lambda: relay.ask("/")[2] == b"other", 10, "the other folder")
    shutil.rmtree(other)
    status, _, body = relay.ask("/")
    check(status == 404 and b"their folder is missing" in body, f"{status} {body}")
    put(other, "index.html", "again")
    check_equal(relay.ask("/")[2], b"again", "the folder is back, without a reload")
    relay.write(relay.port, f"files: {other}/none")
    relay.send(signal.SIGHUP)
    relay.wait_for("http.files: cannot read")
    check_equal(relay.ask("/")[2], b"again", "after a reload that was refused")
    relay.write(relay.port, 'files: ""')
    relay.send(signal.SIGHUP)
    wait_until(lambda: relay.status("/") == 404, 10, "no files any more")
    check(b"http.files names no folder" in relay.ask("/")[2], "what to do is told")
    relay.stop()


def a_folder_that_is_not_there_is_an_error():
    port = free_port()
    for folder in (scratch("no-such-folder"), put(scratch("x"), "file")):
        path = scratch("absent.yaml")
        with open(path, "w") as file:
            file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp:\n  files: {folder}\n')
        for more in (["--check"], []):
            status, _, err = run([program("moq-relay"), path, *more])
            check(status == 2 and "absent.yaml:3:10: http.files: cannot read" in err, f"{status} {err}")


def the_player_is_found_beside_the_program():
    """Wherever both are; and if it is not installed, the relay says so."""
    prefix = scratch("prefix")
    os.makedirs(os.path.join(prefix, "bin"), exist_ok=True)
    os.makedirs(os.path.join(prefix, "lib"), exist_ok=True)
    copy = shutil.copy(program("moq-relay"), os.path.join(prefix, "bin"))
    port = free_port()
    relay = Relay(port=port, argv=[copy, "--dev", "--bind", f"[::]:{port}"])
    one = http.client.HTTPConnection("localhost", port, timeout=60)
    status, _, body = asked(one, "/")
    check(status == 404 and b"install the player" in body, f"{status} {body}")
    put(os.path.join(prefix, "share/moq-relay/web"), "index.html", "player")
    check_equal(asked(one, "/")[::2], (200, b"player"), "the player that was installed meanwhile")
    relay.stop()


def pages_of_other_origins_may_use_files_and_counters():
    relay = Site("origins", ", broadcasts: true, viewers: true")
    put(relay.folder, "app.js", "x")
    for path, is_open in (("/", True), ("/app.js", True), ("/none", True), ("/%zz", True), ("/fingerprint", True), ("/certificate.sha256", True),
                          ("/stats", True), ("/api/broadcasts", True), ("/api/viewers", False)):
        fields = relay.ask(path)[1]
        check_equal(fields["Access-Control-Allow-Origin"], "*" if is_open else None, path)
        check_equal((fields["Referrer-Policy"], fields["X-Content-Type-Options"]), ("no-referrer", "nosniff"), path)
        status, fields, body = relay.ask(path, "OPTIONS", Origin="https://page.example", Access_Control_Request_Method="GET",
                                         Access_Control_Request_Headers="range", Access_Control_Request_Private_Network="true")
        check_equal((status, body), (204, b""), f"OPTIONS {path}")
        allowed = fields["Access-Control-Allow-Headers"] or ""
        check_equal(("Range" in allowed, "If-None-Match" in allowed, fields["Access-Control-Allow-Private-Network"]),
                    (is_open, is_open, "true" if is_open else None), f"OPTIONS {path}")
    check_equal(relay.ask("/", "OPTIONS")[1]["Access-Control-Allow-Private-Network"], None, "nobody has asked")
    exposed = relay.ask("/app.js")[1]["Access-Control-Expose-Headers"]
    check("Content-Range" in exposed and "ETag" in exposed, f"what a script may read: {exposed}")
    relay.stop()


def pages_are_isolated_from_other_origins():
    """So that they have SharedArrayBuffer, also in their workers; while their files may be used elsewhere."""
    relay = Site("isolated")
    put(relay.folder, "worker.js", "x")
    for path, opener in (("/", "same-origin"), ("/demo/", "same-origin"), ("/worker.js", None), ("/digits.bin", None)):
        for status in (200, 304):
            tag = relay.ask(path)[1]["ETag"]
            got, fields, _ = relay.ask(path, If_None_Match=tag if status == 304 else '"x"')
            check_equal((got, fields["Cross-Origin-Embedder-Policy"], fields["Cross-Origin-Resource-Policy"], fields["Cross-Origin-Opener-Policy"]),
                        (status, "require-corp", "cross-origin", opener), path)
    relay.stop()


def connections_are_kept_for_more_requests():
    relay = Site("kept")
    one = http.client.HTTPConnection("localhost", relay.port, timeout=60)
    one.connect()
    name = one.sock.getsockname()
    for path in ("/", "/digits.bin", "/none", "/stats", "/digits.bin") * 10:
        asked(one, path)
    check_equal(one.sock.getsockname(), name, "50 answers on one connection")
    check_equal(asked(one, "/", "POST")[0], 405, "only GET is served")
    one.close()
    with socket.create_connection(("localhost", relay.port), timeout=60) as one:
        one.sendall(b"GET /digits.bin HTTP/1.1\r\nHost: a\r\n\r\n" * 20)  # all at once
        got = b""
        while got.count(b"\r\n\r\n0123456789") < 20:
            more = one.recv(65536)
            check(more, f"it ended after {got.count(b'0123456789')} answers")
            got += more
    relay.stop()


def each_request_names_one_server():
    """Whoever is refused has to connect again, so what came with the request is not taken for the next one."""
    relay = Site("hosts")

    def sent(version, *fields, method="GET"):
        with socket.create_connection(("localhost", relay.port), timeout=60) as one:
            request = "".join(line + "\r\n" for line in (f"{method} /digits.bin HTTP/{version}", *fields, "")).encode()
            one.sendall(request + b"GET /digits.bin HTTP/1.0\r\nX: y\r\n\r\n")
            got = b""
            while more := one.recv(65536):
                got += more
            return re.findall(rb"HTTP/1.1 (\d+)", got), got.count(b"0123456789")

    once, twice, refused = ([b"200"], 1), ([b"200", b"200"], 2), ([b"400"], 0)
    for version, fields, wanted in (("1.1", ["Host: a"], twice), ("1.1", ["HOST:[::1]:4443"], twice), ("1.1", ["Host:"], twice),
                                    ("1.1", [], refused), ("1.1", ["X: y", "Accept: */*"], refused), ("1.1", ["X: y", " Host: a"], refused),
                                    ("1.1", ["Host: a", "Host: a"], refused), ("1.1", ["Host: a", "X: y", "host: b"], refused),
                                    ("1.1", ["Host: a b"], refused), ("1.1", ["Host: http://a/"], refused), ("1.2", [], refused),
                                    ("1.0", [], once), ("1.0", ["Host: a"], once), ("1.0", ["Host: a", "Host: b"], refused)):
        check_equal(sent(version, *fields), wanted, f"HTTP/{version} {fields}")
    for method in ("HEAD", "OPTIONS", "POST"):
        check_equal(sent("1.1", method=method), refused, method)
    check_equal(sent("1.1", "Content-Length: 40", method="POST"), refused, "a body that is yet to come")
    relay.stop()


def idle_connections_give_way():
    """All places are taken by clients that were answered and have stayed: a new one need not wait until they are given up."""
    relay = Site("crowd")
    crowd = []
    for number in range(PLACES):
        one = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=60, source_address=(f"127.0.0.{2 + number // 16}", 0))
        check_equal(asked(one, "/")[0], 200, "an answer")
        crowd.append(one)
    begin = time.monotonic()
    for _ in range(3):
        check_equal(relay.ask("/")[0], 200, "a new client")
    taken = time.monotonic() - begin
    check(taken < PATIENCE_S, f"it waited for {taken} s")
    relay.stop()


def one_address_has_half_of_the_places():
    relay = Site("address")
    crowd = [socket.create_connection(("127.0.0.1", relay.port), timeout=60) for _ in range(33)]
    check_equal(crowd[32].recv(1), b"", "what the 33rd gets")
    with socket.socket() as other:
        other.settimeout(60)
        other.bind(("127.0.0.2", 0))
        other.connect(("127.0.0.1", relay.port))
        other.sendall(b"GET / HTTP/1.0\r\n\r\n")
        check_equal(other.recv(12), b"HTTP/1.1 200", "another address")
    for one in crowd:
        one.close()
    relay.stop()


def slow_links_get_all_and_idlers_are_ended():
    """One takes about 5 KB each second, which is slow. One takes two bytes, one takes nothing, and one never ends its request."""
    relay = Site("slow")
    size = 130 << 10
    put(relay.folder, "app.bin", os.urandom(size) * 40)

    def client(request):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(PATIENCE_S * PATIENCE)
        one.connect(("127.0.0.1", relay.port))
        one.sendall(request)
        return one

    get = b"GET /app.bin HTTP/1.1\r\nHost: a\r\n"
    slow, tiny, deaf = client(get + b"Range: bytes=0-%d\r\n\r\n" % (size - 1)), client(get + b"\r\n"), client(get + b"\r\n")
    loris = client(get)
    loris.setblocking(False)
    begin, received, ended = time.monotonic(), 0, {}
    fds = f"/proc/{relay.popen.pid}/fd"
    while received < size or len(ended) < 2:
        check(time.monotonic() - begin < 10 * PATIENCE_S, f"after {received} bytes, ended are {list(ended)}")
        if received < size:
            more = slow.recv(5000)
            check(more, f"the slow one was cut after {received} bytes and {time.monotonic() - begin:.0f} s")
            received += len(more)
        time.sleep(0.5)
        for name, one, act in (("tiny", tiny, lambda: one.recv(1)), ("loris", loris, lambda: one.send(b"X: y\r\n") and one.recv(1))):
            try:
                if name not in ended and act() == b"":
                    ended[name] = time.monotonic() - begin
            except BlockingIOError:
                pass
            except OSError:
                ended[name] = time.monotonic() - begin
        if "tiny" not in ended and relay_is_gone(tiny):
            ended["tiny"] = time.monotonic() - begin
    check(min(ended.values()) > PATIENCE_S - 3, f"ended too soon: {ended}")
    check(relay_is_gone(deaf), "who takes nothing keeps its place")
    wait_until(lambda: len([fd for fd in os.listdir(fds) if "app.bin" in link_of(fds, fd)]) == 0, 10, "files stay open")
    relay.stop()


def link_of(fds, fd):
    try:
        return os.readlink(os.path.join(fds, fd))
    except OSError:
        return ""


def relay_is_gone(one):
    """Whether the relay has closed its side, although data may still be on its way: TCP_INFO begins with the state."""
    return one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1


def a_crowd_of_readers_does_not_delay_the_live():
    relay = Site("crowded")
    put(relay.folder, "big.bin", os.urandom(8 << 20))
    clock = Process([program("moq-clock"), "--tls-disable-verify", relay.url("/demo"), "--publish"])
    viewer = Process([program("moq-clock"), "--tls-disable-verify", relay.url("/demo")])
    wait_until(lambda: len(viewer.out) >= 2, 15, f"no time is seen: {viewer.err}")
    is_over, counts = threading.Event(), [0] * 8

    def read(number):
        one = http.client.HTTPConnection("localhost", relay.port, timeout=60)
        while not is_over.is_set():
            check_equal(len(asked(one, "/big.bin")[2]), 8 << 20, "bytes")
            counts[number] += 1

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    before, begin = len(viewer.out), time.monotonic()
    time.sleep(6)
    seen, lasted = len(viewer.out) - before, time.monotonic() - begin
    is_over.set()
    for thread in threads:
        thread.join()
    check(all(counts), f"files read: {counts}")
    check(seen >= lasted / 2, f"in {lasted:.1f} s the clock ticked {seen} times")
    for process in (clock, viewer):
        check_equal(process.end(), 0, "exit status of a clock")
    relay.stop()


TESTS = [files_have_types_and_folders_have_pages, what_the_client_has_is_not_sent_again, one_part_of_a_file_can_be_asked_for,
         what_is_compressed_beside_is_sent, nothing_outside_is_sent, only_plain_files_are_opened, files_that_may_not_be_read_are_told_of,
         a_reload_may_name_another_folder, a_folder_that_is_not_there_is_an_error, the_player_is_found_beside_the_program,
         pages_of_other_origins_may_use_files_and_counters, pages_are_isolated_from_other_origins,
         connections_are_kept_for_more_requests, each_request_names_one_server, idle_connections_give_way, one_address_has_half_of_the_places,
         slow_links_get_all_and_idlers_are_ended, a_crowd_of_readers_does_not_delay_the_live]
