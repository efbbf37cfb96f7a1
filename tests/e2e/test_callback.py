# SPDX-License-Identifier: MIT OR Apache-2.0
"""The auth module with an auth server: one that answers well, and ones that are slow, dead, or answer garbage."""

import json
import signal
import socket
import socketserver
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler

from authkit import *

DEMO = {"identity": "ada", "publish": ["demo/**"], "subscribe": ["demo/**"]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.questions.append(question)
        try:
            self.server.answer(self, question)
        except OSError:  # the relay did not wait
            self.close_connection = True

    def send(self, status, body, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class AuthServer(socketserver.ThreadingTCPServer):
    """Answers each question by `answer(handler, question)`. Is over at the end of a with statement."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer, certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.questions, self.connections = answer, [], 0
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return f"{self.scheme}://localhost:{self.server_address[1]}/moq"

    def handle_error(self, *_):
        pass

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def relay_that_asks(name, server, more="", everybody="", workers=4):
    url = server if isinstance(server, str) else server.url
    return relay_with_auth(name, f'{{ callback: {{ url: "{url}"{more} }}{everybody} }}', workers=workers)


def counters(relay):
    return relay.stats()["modules"]["auth"]


def finish(relay, probe, *tokens):
    probe.end()
    relay.stop()
    check_no_secrets(relay, *tokens)


def is_refused(probe, relay, **more):
    return probe.get(relay, "connect", **more).startswith("lost: ")


# ---- Servers that work -------------------------------------------------------------------------------------------

def the_server_decides_what_each_may_do():
    answers = {
        "publisher-0123456789": (200, {**DEMO, "identity": "pub", "subscribe": []}),
        "viewer-0123456789abc": (200, {"subscribe": ["demo"], "claims": {"plan": "free"}, "whatever": 1}),
        "unknown-0123456789ab": (401, {}),
        "forbidden-0123456789": (403, b"no"),
        "nothing-0123456789ab": (200, {}),
        "expired-0123456789ab": (200, {**DEMO, "expires": time.time() - 1}),
    }
    with AuthServer(lambda handler, question: handler.send(*answers[question["token"]])) as server:
        relay, probe = relay_that_asks("decides", server), Probe()
        tokens = list(answers)
        probe.publish(relay, "demo/track", token=tokens[0])
        check_equal(probe.get(relay, "subscribe", "demo/track", token=tokens[1]), "frame hello", "the viewer")
        check(probe.get(relay, "subscribe", "demo/track", token=tokens[0]).startswith("no: "), "the publisher may not watch")
        for token, why in zip(tokens[2:], ("does not know this token", "does not allow it", "grants nothing", "has expired")):
            words = probe.get(relay, "connect", token=token)
            check(words.startswith("lost: ") and why in words, f"{token}: {words}")
        check_equal(denials(relay), {"denied_callback": 3, "denied_expired": 1}, "refusals")
        check_equal((counters(relay)["accepted"], counters(relay)["callback_requests"]), (3, 7), "counted")
        relay.wait_for(" is pub")
        finish(relay, probe, *tokens)


def the_server_is_told_what_the_peer_said():
    with AuthServer(lambda handler, question: handler.send(200, DEMO)) as server:
        relay, probe = relay_that_asks("told", server), Probe()
        check_equal(probe.get(relay, "connect", token="secret%2Fof-the-first", query="user=a%20b&jwtx=1", page="/demo/x"), "in", "by WebTransport")
        check_equal(probe.get(relay, "connect", scheme="moqf", token="never-sent-never-sent"), "in", "by raw QUIC")
        first, second = server.questions
        check(first.pop("address").startswith("127.0.0.1:") or first["server_name"], "the address")
        check_equal(first, {"token": "secret/of-the-first", "path": "/demo/x", "query": "user=a%20b&jwtx=1", "origin": "", "server_name": "localhost",
                            "protocol": "webtransport"}, "the first question")
        second.pop("address")
        check_equal(second, {"token": "", "path": "", "query": "", "origin": "", "server_name": "localhost", "protocol": "quic"}, "the second")
        finish(relay, probe, "secret/of-the-first", "secret%2Fof-the-first", "never-sent-never-sent")


def connections_are_kept_alive():
    with AuthServer(lambda handler, question: handler.send(200, DEMO)) as server:
        relay, probe = relay_that_asks("alive", server, workers=1), Probe()
        for number in range(20):
            check_equal(probe.get(relay, "connect", token=f"token-{number}"), "in", "comes in")
        check_equal((len(server.questions), server.connections), (20, 1), "questions and connections")
        finish(relay, probe)


def answers_are_used_again_for_as_long_as_they_say():
    ages = {"never-0123456789": {}, "short-0123456789": {"max_age": 1}, "long-01234567890": {"max_age": 3600}}
    with AuthServer(lambda handler, question: handler.send(200, {**DEMO, **ages[question["token"]]})) as server:
        relay, probe = relay_that_asks("ages", server, workers=1), Probe()

        def questions_for(token, **more):
            before = len(server.questions)
            for _ in range(4):
                check_equal(probe.get(relay, "connect", token=token, **more), "in", "comes in")
            return len(server.questions) - before

        check_equal([questions_for(token) for token in ages], [4, 1, 1], "questions")
        check_equal(counters(relay)["cache_hits"], 6, "counted")
        check_equal([questions_for("long-01234567890", page="/other"), questions_for("long-01234567890", query="a=b")], [1, 1], "of another URL")
        time.sleep(1.1)
        check_equal([questions_for(token) for token in ages], [4, 1, 0], "questions a second later")
        write_auth_config(relay.path, relay.port, f'{{ callback: {{ url: "{server.url}", max_age: 1h }} }}', workers=1)
        relay.send(signal.SIGHUP)
        relay.wait_for("reloaded: 1 settings changed")
        check_equal([questions_for(token) for token in ages], [1, 1, 1], "questions after a reload")
        finish(relay, probe, *ages)


def an_answer_is_not_used_when_what_it_grants_has_expired():
    token = "brief-0123456789"
    with AuthServer(lambda handler, question: handler.send(200, {**DEMO, "max_age": 3600, "expires": time.time() + 1.5})) as server:
        relay, probe = relay_that_asks("brief", server, workers=1), Probe()
        check_equal([probe.get(relay, "connect", token=token) for _ in range(2)], ["in", "in"], "come in")
        check_equal(len(server.questions), 1, "questions")
        time.sleep(2)
        check_equal(probe.get(relay, "connect", token=token), "in", "comes in again")
        check_equal(len(server.questions), 2, "questions after the end")
        finish(relay, probe, token)


def everybody_does_not_need_the_server():
    with AuthServer(lambda handler, question: handler.send(*((200, DEMO) if question["token"] == "good-token-good" else (401, {})))) as server:
        relay, probe = relay_that_asks("everybody", server, everybody=', anonymous: { subscribe: ["open/**"] }'), Probe()
        check_equal([probe.get(relay, "connect"), probe.get(relay, "connect", scheme="moqf")], ["in", "in"], "without a token")
        check_equal(len(server.questions), 0, "questions")
        check(is_refused(probe, relay, token="bad-token-bad"), "a bad token is not none")
        watcher = probe.ask(relay, "watch", token="good-token-good")
        probe.publish(relay, "demo/track", token="good-token-good")
        probe.wait_until_said(watcher, "+ demo/track")
        finish(relay, probe, "good-token-good", "bad-token-bad")


def the_server_proves_who_it_is():
    folder = scratch("tls")
    os.makedirs(folder, exist_ok=True)
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    status, _, err = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                          "-addext", "subjectAltName=DNS:localhost", "-days", "1", "-keyout", key, "-out", certificate])
    check_equal(status, 0, f"openssl: {err}")
    with AuthServer(lambda handler, question: handler.send(200, DEMO), (certificate, key)) as server:
        for more, is_known in ((f", ca: {certificate}", True), ("", False)):
            relay, probe = relay_that_asks("proves", server, more), Probe()
            check_equal(is_refused(probe, relay, token="token"), not is_known, "refused")
            check_equal(len(server.questions), 1, "questions")
            finish(relay, probe)


# ---- Servers that do not -----------------------------------------------------------------------------------------

def redirect(handler, _question):
    handler.send(307, b"", Location=handler.server.url + "/elsewhere")


def chunks_without_end(handler, _question):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"1000\r\n" + b" " * 4096 + b"\r\n")


def headers_without_end(handler, _question):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X-More: " + b"y" * 1000 + b"\r\n")


def sleep_then_agree(handler, _question):
    time.sleep(1.5)
    handler.send(200, DEMO)


def half_an_answer(handler, _question):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    handler.close_connection = True


def raw(data):
    def answer(handler, _question):
        handler.wfile.write(data)
        handler.close_connection = True
    return answer


def body(*arguments):
    return lambda handler, _question: handler.send(*arguments)


USELESS = {
    "slow": sleep_then_agree,
    "hangs up": raw(b""),
    "not HTTP": raw(b"\x00\xff garbage\r\n\r\n"),
    "half an answer": half_an_answer,
    "redirects": redirect,
    "an error": body(500, DEMO),
    "not found": body(404, DEMO),
    "no content": body(204, b""),
    "created": body(201, DEMO),
    "not JSON": body(200, b"{'publish': ['**']}"),
    "no object": body(200, ["**"]),
    "nothing": body(200, b""),
    "a text for a list": body(200, {"publish": "**"}),
    "a number in a list": body(200, {"subscribe": ["demo", 1]}),
    "an odd pattern": body(200, {"subscribe": ["demo/*/x"]}),
    "no time": body(200, {**DEMO, "expires": None}),
    "no list": body(200, {**DEMO, "publish": None}),
    "an odd time": body(200, {**DEMO, "expires": "tomorrow"}),
    "a name that is none": body(200, {**DEMO, "identity": 7}),
    "an odd cluster": body(200, {**DEMO, "cluster": "yes"}),
    "members twice": body(200, b'{"subscribe": [], "subscribe": ["**"]}'),
    "too many paths": body(200, {"subscribe": [f"p{number}" for number in range(65)]}),
    "huge": body(200, b'{"subscribe": ["**"], "more": "' + b"x" * 70000 + b'"}'),
    "endless": chunks_without_end,
    "endless headers": headers_without_end,
}


def whatever_is_no_clear_yes_is_a_no():
    with AuthServer(lambda handler, question: USELESS[question["token"]](handler, question)) as server:
        relay, probe = relay_that_asks("useless", server, ", timeout: 1s"), Probe()
        for name in USELESS:
            words = probe.get(relay, "connect", token=name.replace(" ", "%20"))
            check(words == "lost: the auth server has not answered as it should", f"{name}: {words}")
        check_equal(denials(relay), {"denied_unavailable": len(USELESS)}, "refusals")
        check_equal(counters(relay)["callback_failures"], len(USELESS), "failures")
        relay.wait_for("callback: ")
        check_equal(sum("elsewhere" in str(question) for question in server.questions), 0, "no redirect is followed")
        check_equal(len(server.questions), len(USELESS), "questions")
        finish(relay, probe)


def a_server_that_is_not_there_lets_nobody_in():
    with socket.socket() as taken:  # nobody listens at a port that is only bound
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for host in (f"localhost:{port}", "nowhere.invalid"):
            relay, probe = relay_that_asks("dead", f"http://{host}/", ", timeout: 2s"), Probe()
            check(is_refused(probe, relay, token="token-token-token"), "somebody comes in")
            check_equal(denials(relay), {"denied_unavailable": 1}, "refusals")
            finish(relay, probe, "token-token-token")


def viewers_do_not_wait_for_a_slow_server():
    def answer(handler, question):
        time.sleep(0 if question["token"] == "viewer" else 2)
        handler.send(200, DEMO)

    with AuthServer(answer) as server:
        more = ", concurrency: 8, timeout: 4s"
        relay = relay_with_auth("slow", f'{{ callback: {{ url: "{server.url}"{more} }} }}', "clock: { path: demo/clock }", workers=1)
        viewing, waiting = Probe(), Probe()
        viewer = viewing.ask(relay, "view", "demo/clock", token="viewer")
        viewing.wait_until_said(viewer, "frame ")
        clients = [waiting.ask(relay, "connect", token=f"slow-{number}") for number in range(20)]
        wait_until(lambda: counters(relay)["denied_busy"] == 12, 5, f"as many as are too many are refused at once: {counters(relay)}")
        seen = len(viewing.said(viewer))
        wait_until(lambda: len(viewing.said(viewer)) >= seen + 2, 5, "the viewer goes on")
        answers = sorted(waiting.hear(client)[:2] for client in clients)
        check_equal(answers, ["in"] * 8 + ["lo"] * 12, "who comes in")
        check(not any(line.startswith(("lost", "no")) for line in viewing.said(viewer)), "the viewer was harmed")
        viewing.end()
        finish(relay, waiting)


def who_leaves_and_who_stops_do_not_wait_for_the_server():
    with AuthServer(lambda handler, question: (time.sleep(2), handler.send(200, {**DEMO, "max_age": 60}))) as server:
        relay, probe = relay_that_asks("leaves", server, ", timeout: 4s", workers=1), Probe()
        probe.ask(relay, "connect", token="impatient")
        wait_until(lambda: len(server.questions) == 1, 5, "the question")
        probe.end()
        relay.wait_for("session 1 from ")
        relay.wait_for("has ended")
        time.sleep(2.5)
        check_equal(counters(relay)["callback_failures"], 0, "an answer too late is no failure")
        other = Probe()
        check_equal(other.get(relay, "connect", token="impatient"), "in", "the answer was kept for the next")
        check_equal(counters(relay)["cache_hits"], 1, "from the cache")
        last = other.ask(relay, "connect", token="last")
        wait_until(lambda: len(server.questions) == 2, 5, "the question")
        began = time.monotonic()
        relay.send(signal.SIGTERM)
        check_equal(relay.wait(), 0, "exit status")
        check(time.monotonic() - began < 10, "the relay waits for the auth server")
        check(other.hear(last).startswith("lost: "), "who waited is told")
        other.end()


TESTS = [
    the_server_decides_what_each_may_do,
    the_server_is_told_what_the_peer_said,
    connections_are_kept_alive,
    answers_are_used_again_for_as_long_as_they_say,
    an_answer_is_not_used_when_what_it_grants_has_expired,
    everybody_does_not_need_the_server,
    the_server_proves_who_it_is,
    whatever_is_no_clear_yes_is_a_no,
    a_server_that_is_not_there_lets_nobody_in,
    viewers_do_not_wait_for_a_slow_server,
    who_leaves_and_who_stops_do_not_wait_for_the_server,
]

if __name__ == "__main__":
    main(TESTS)
