# SPDX-License-Identifier: MIT OR Apache-2.0
"""moq-relay as a service: its command line, signals, pages, and what it does with garbage."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from moqkit import *


def without_a_certificate_it_says_how_to_get_one():
    status, out, err = run([program("moq-relay")])
    check(status != 0, "it started without a certificate")
    check_equal(out, b"", "standard output")
    check_equal(len(err.strip().splitlines()), 1, f"lines of {err!r}")
    check("--dev" in err and "certificate" in err, f"this does not help: {err}")


def help_and_version_go_to_standard_output():
    status, out, err = run([program("moq-relay"), "--help"])
    check(status == 0 and b"--bind" in out and err == "", f"{status} {out} {err}")
    status, out, err = run([program("moq-relay"), "--version"])
    check(status == 0 and out.startswith(b"moq-relay ") and err == "", f"{status} {out} {err}")


def the_reference_in_conf_is_what_it_prints():
    """With the settings of the modules that ship."""
    status, out, err = run([program("moq-relay"), "--reference"])
    with open(os.path.join(TOP, "conf", "relay.yaml"), "rb") as file:
        is_same = file.read() == out
    check(status == 0 and is_same, f"conf/relay.yaml is another; run: moq-relay --reference > conf/relay.yaml {err}")


def output_that_is_lost_is_an_error():
    """A full disk under `--print-config > relay.yaml`."""
    for flags in (["--help"], ["--version"], ["--schema"], ["--reference"], ["--dev", "--print-config"], ["--dev", "--check"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([program("moq-relay"), *flags], stdout=full, stderr=subprocess.PIPE, timeout=60)
        check_equal(done.returncode, 1, f"status of {flags}")
        check(b"standard output: No space left on device" in done.stderr, f"{flags}: {done.stderr}")


def a_port_that_is_taken_is_said_so():
    relay = Relay()
    status, _, err = run([program("moq-relay"), "--dev", "--bind", f"[::]:{relay.port}"])
    check(status != 0 and str(relay.port) in err and "in use" in err.lower(), f"{status} {err}")
    relay.stop()


def a_port_of_http_is_not_shared_with_another_relay():
    """Otherwise each of the two would get some of the requests."""
    relay = Relay()
    path = scratch("http.yaml")
    with open(path, "w") as file:
        file.write(f'listen:\n  - {{ address: "127.0.0.1:0", self_signed: [localhost] }}\nhttp: {{ address: "[::]:{relay.port}" }}\n')
    status, _, err = run([program("moq-relay"), path])
    check(status != 0 and f"moq-relay (pid {relay.popen.pid}) has this TCP port" in err, f"{status} {err}")
    relay.stop()


def sigint_and_sigterm_end_it_in_order():
    for number in (signal.SIGINT, signal.SIGTERM):
        relay = Relay()
        clock = Process([program("moq-clock"), "--tls-disable-verify", relay.url(), "--publish"])
        wait_until(lambda: relay.stats()["announcements"] == 1, 10, "no clock")
        check_equal(relay.end(number, 5), 0, f"exit status after {number}")
        clock.end()


def it_says_how_packets_are_encrypted():
    with open("/proc/cpuinfo") as file:
        has_aes = any(re.match(r"(flags|Features)\s*:.*\baes\b", line) for line in file)
    relay = Relay()
    relay.wait_for("by the processor's AES instructions" if has_aes else "encrypted in software", 5)
    relay.stop()


def the_fingerprint_is_served_to_pages():
    relay = Relay()
    digest = relay.get("/fingerprint")
    check(re.fullmatch("[0-9a-f]{64}", digest), f"/fingerprint gave {digest!r}")
    check_equal(relay.get("/certificate.sha256"), digest, "/certificate.sha256")
    with urllib.request.urlopen(relay_http(relay, "/fingerprint")) as answer:
        check_equal(answer.headers["Access-Control-Allow-Origin"], "*", "the CORS header")
    request = urllib.request.Request(relay_http(relay, "/fingerprint"), method="OPTIONS")
    with urllib.request.urlopen(request) as answer:
        check("GET" in answer.headers["Access-Control-Allow-Methods"], "OPTIONS does not allow GET")
    check_equal(status_of(relay, "/etc/passwd"), 404, "status of an unknown page")
    relay.stop()


def pages_are_told_where_to_connect():
    relay = Relay()
    check_equal(json.loads(relay.get("/api/relay")), {"port": relay.port, "self_signed": True}, "with a certificate of its own")
    relay.stop()
    cert, key = scratch("told.pem"), scratch("told.key")
    status, _, err = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                          "-subj", "/CN=localhost", "-keyout", key, "-out", cert])
    check_equal(status, 0, f"openssl: {err}")
    port = free_port()
    write("told.yaml", f'listen: [{{ address: "[::]:{port}", certificates: [{{ cert: {cert}, key: {key} }}] }}]\nhttp: {{ address: listen }}\n')
    relay = Relay(port=port, argv=[program("moq-relay"), scratch("told.yaml")])
    check_equal(json.loads(relay.get("/api/relay")), {"port": port, "self_signed": False}, "with one from files")
    relay.stop()


def relay_http(relay, path):
    return f"http://localhost:{relay.port}{path}"


def write(name, text):
    path = scratch(name)
    with open(path, "w") as file:
        file.write(text)
    return path


def sighup_takes_what_may_change_and_refuses_the_rest_by_name():
    port = free_port()
    base = f'listen:\n  - address: "[::]:{port}"\n    self_signed: [localhost]\nhttp: {{ address: listen, fingerprint: true, stats: true }}\n'
    path = write("reload.yaml", base)
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    digest = relay.get("/fingerprint")

    write("reload.yaml", base + "log: { level: debug }\n")
    relay.send(signal.SIGHUP)
    relay.wait_for("reloaded")

    write("reload.yaml", base.replace(str(port), str(free_port())))
    relay.send(signal.SIGHUP)
    relay.wait_for("listen[0].address")
    relay.wait_for("nothing was reloaded")

    write("reload.yaml", base + "cache: { aeg: 5s }\n")
    relay.send(signal.SIGHUP)
    relay.wait_for('did you mean "age"')
    check_equal(relay.get("/fingerprint"), digest, "the fingerprint after reloads: clients have pinned it")

    write("reload.yaml", base.replace("localhost]", "localhost, relay.example]").replace("stats: true", "stats: false"))
    relay.send(signal.SIGHUP)
    wait_until(lambda: relay.get("/fingerprint") != digest, 10, "other names need another certificate")
    check_equal(status_of(relay, "/stats"), 404, "a page that was turned off")
    relay.stop()


def errors_of_a_reload_are_lines_of_the_log():
    port = free_port()
    base = f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp: {{ address: listen }}\nlog: {{ format: json }}\n'
    path = write("lines.yaml", base)
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    write("lines.yaml", base + "workers: two\nspeed: high\n")
    relay.send(signal.SIGHUP)
    relay.wait_for("the old one stays")
    words = [json.loads(line)["message"] for line in relay.err]
    for known in ('write digits only, or auto', "speed: no such setting"):
        check(any(known in word for word in words), f"{known!r} is not in {words}")
    relay.stop()


def status_of(relay, path):
    try:
        relay.get(path)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def pages_answer_again_after_a_crowd():
    """After 64 connections, as many as are served at a time, that all close at once."""
    relay = Relay()
    fds = f"/proc/{relay.popen.pid}/fd"
    before, crowd = len(os.listdir(fds)), []
    for number in range(64):
        one = socket.socket()
        one.bind((f"127.0.0.{2 + number // 16}", 0))
        one.connect(("127.0.0.1", relay.port))
        crowd.append(one)
    wait_until(lambda: len(os.listdir(fds)) > before + 60, 10, "the crowd is there")
    relay.send(signal.SIGSTOP)
    for one in crowd:
        one.close()
    relay.send(signal.SIGCONT)
    wait_until(lambda: len(os.listdir(fds)) < before + 32, 10, "the crowd has gone")
    check_equal(relay.get("/stats")[0], "{", "the first character of the counters")
    relay.stop()


def pages_answer_after_a_burst_that_is_gone():
    """The burst is ten times as many incomplete requests as are served at a time, and their senders close before they are
    accepted. If one of them kept its place, it would keep it for ten seconds."""
    relay = Relay()
    relay.send(signal.SIGSTOP)
    for number in range(640):
        with socket.socket() as one:
            one.bind((f"127.0.0.{2 + number % 200}", 0))
            one.connect(("127.0.0.1", relay.port))
            one.sendall(b"GET /st")
    relay.send(signal.SIGCONT)
    check_equal(relay.get("/stats", 60)[0], "{", "the first character of the counters")

    with socket.create_connection(("127.0.0.1", relay.port), timeout=60) as one:
        one.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
        one.shutdown(socket.SHUT_WR)
        check(one.recv(12) == b"HTTP/1.1 200", "who asks in full and closes its side is answered")
    relay.stop()


def pages_answer_while_others_never_finish_their_requests():
    """Those fill all places and send a line of a request now and then, so that none of them is ever silent for long."""
    relay = Relay()
    crowd = []
    for number in range(80):
        one = socket.socket()
        one.bind((f"127.0.0.{2 + number // 16}", 0))
        one.connect(("127.0.0.1", relay.port))
        one.sendall(b"GET /stats HTTP/1.1\r\n")
        crowd.append(one)

    def is_answered():
        for one in crowd:
            try:
                one.sendall(b"X: y\r\n")
            except OSError:
                pass  # it was ended
        try:
            return relay.get("/stats", 1)[0] == "{"
        except OSError:
            return False

    check(not is_answered(), "there were places left")
    wait_until(is_answered, 60, "they keep their places")
    for one in crowd:
        one.close()
    relay.stop()


def check_agrees_with_start():
    status, out, err = run([program("moq-relay"), "--check", "--dev"])
    check(status == 0, f"{out} {err}")
    bad = write("bad.yaml", "listen:\n  - address: nowhere\n    cert: 5\nworkers: many\n")
    status, _, err = run([program("moq-relay"), "--check", bad])
    check(status != 0 and len([line for line in err.splitlines() if "bad.yaml:" in line]) >= 3, f"not all errors were told: {err}")


def check_warns_of_what_cannot_be_bound():
    """It is not an error, because the relay that has the port may be the one that will read the file."""
    relay = Relay()

    def check_with(listen, http=""):
        path = write("bound.yaml", f'listen: [{{ address: "{listen}", self_signed: [localhost] }}]\n{http}')
        status, out, err = run([program("moq-relay"), "--check", path])
        check_equal((status, out), (0, b"ok\n"), f"--check of {listen}: {err}")
        return err

    taken = f"moq-relay (pid {relay.popen.pid}) has this %s port"
    free = f"[::]:{free_port()}"
    check_equal(check_with(free, "http: { address: listen }"), "", "warnings about free ports")
    err = check_with(f"[::]:{relay.port}", "http: { address: listen }")
    for words in ("listen[0].address", "http.address", taken % "UDP", taken % "TCP"):
        check(words in err, f"{words!r} is not in {err}")
    check("http.address" in check_with(free, f'http: {{ address: "127.0.0.1:{relay.port}" }}'), "only HTTP's is taken")
    for scheme in ("203.0.113.7:0", "[2001:db8::7]:0"):
        check("no interface of this host has this address" in check_with(scheme), f"{scheme} is not here")
    check("one interface" in check_with("[fe80::1]:0"), "which interface is not known")
    relay.stop()


def tls_keys_are_logged_when_asked_for():
    path = scratch("keys.log")
    relay = Relay(env={"SSLKEYLOGFILE": path, "MOQ_RELAY_QUIC_KEY_LOG": "true"})
    clock = Process([program("moq-clock"), "--tls-disable-verify", relay.url(), "--publish"], env={"SSLKEYLOGFILE": ""})
    wait_until(lambda: relay.stats()["announcements"] == 1, 10, "no clock")
    with open(path, encoding="ascii") as file:
        lines = [line.split() for line in file]
    check_equal(sorted(label for label, _, _ in lines), ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
                                                         "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"], "labels")
    check_equal(len({random for _, random, _ in lines}), 1, "randoms of one client")
    check_equal(len({secret for _, _, secret in lines}), 4, "secrets")
    for _, random, secret in lines:
        check(re.fullmatch("[0-9a-f]{64}", random) and re.fullmatch("[0-9a-f]{64,96}", secret), f"{random} {secret}")
    clock.end()
    relay.stop()


def garbage_datagrams_hurt_nobody():
    relay = Relay()
    clock = Process([program("moq-clock"), "--tls-disable-verify", relay.url(), "--publish"])
    viewer = Process([program("moq-clock"), "--tls-disable-verify", relay.url()])
    chance = random.Random(4)

    def dropped():
        return relay.stats()["listeners"][0]["datagrams_dropped"]

    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        for turn in range(20000):
            if turn % 1000 == 999:  # else a relay that waits for a core finds only what its socket had room for
                wait_until(lambda: dropped() >= turn // 20, 10, f"of {turn} datagrams of rubbish only {dropped()} are counted")
            size = chance.choice([0, 1, 20, 40, 1200, 1452])
            data = bytearray(chance.randbytes(size))
            if size and turn % 2:
                data[0] |= 0xC0  # a long header
            if size > 5 and turn % 4 == 1:
                data[1:5] = b"\0\0\0\1"  # version 1
            udp.sendto(bytes(data), ("::1", relay.port))
    wait_until(lambda: len(viewer.out) >= 3, 15, f"the viewer sees no time: {viewer.err[-5:]}")
    for process in (clock, viewer):
        check_equal(process.end(), 0, "exit status of a clock")
    relay.stop()


TESTS = [pages_are_told_where_to_connect, without_a_certificate_it_says_how_to_get_one, help_and_version_go_to_standard_output,
         the_reference_in_conf_is_what_it_prints, output_that_is_lost_is_an_error, a_port_that_is_taken_is_said_so,
         a_port_of_http_is_not_shared_with_another_relay,
         it_says_how_packets_are_encrypted,
         sigint_and_sigterm_end_it_in_order, the_fingerprint_is_served_to_pages,
         sighup_takes_what_may_change_and_refuses_the_rest_by_name,
         errors_of_a_reload_are_lines_of_the_log, pages_answer_again_after_a_crowd, pages_answer_after_a_burst_that_is_gone,
         pages_answer_while_others_never_finish_their_requests,
         check_agrees_with_start, check_warns_of_what_cannot_be_bound, tls_keys_are_logged_when_asked_for, garbage_datagrams_hurt_nobody]
