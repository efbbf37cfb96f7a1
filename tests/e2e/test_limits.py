# SPDX-License-Identifier: MIT OR Apache-2.0
"""A relay with few descriptors: it says how many it needs, and keeps running when none is left."""

import os
import re
import resource
import signal
import socket
import subprocess
import time

from moqkit import *


def configuration(name, workers, listeners):
    path = scratch(name + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"workers: {workers}\nlisten:\n")
        for _ in range(listeners):
            file.write(f'  - {{ address: "[::]:{free_port()}", self_signed: [localhost] }}\n')
    return path


def with_limit(limit, *words):
    return ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", program("moq-relay"), *words]


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def open_when_it_serves(limit, path):
    """Starts a relay. Returns the number of descriptors that are open when it serves (None if it does not start) and its status
    after SIGTERM."""
    popen = subprocess.Popen(with_limit(limit, path), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with popen:
        serves = any("listening" in line for line in popen.stderr)
        count = open_files(popen.pid) if serves else None
        popen.terminate()
    return count, popen.returncode


def figures(text):
    return [int(re.search(words + r" (\d+)", text).group(1)) for words in ("needs", "up to", "ulimit -n")]


def the_descriptors_that_a_start_needs_are_told():
    """It says exactly the number that is open when it serves. With one less it does not start, and one line says what to do."""
    for turn, (workers, listeners) in enumerate(((1, 1), (3, 1), (1, 3), (4, 2))):
        path = configuration(f"few-{turn}", workers, listeners)
        if turn % 2:
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"http: {{ address: listen, tls: {'true' if turn == 3 else 'false'} }}\n")
        status, out, err = run(with_limit(12, "--check", path))
        check_equal((status, out), (0, b"ok\n"), f"--check: {err}")
        check("a start would fail now" in err, err)
        needed, at_most, remedy = figures(err)
        check_equal(remedy, at_most, "what is to be allowed")
        check_equal(open_when_it_serves(needed, path), (needed, 0), f"{workers} workers on {listeners} listeners")
        for limit in (8, 12, needed - 1):
            status, _, err = run(with_limit(limit, path))
            check(status == 1 and f"ulimit -n {at_most}" in err and len(err.strip().splitlines()) == 1, f"{limit}: {status} {err}")
        err = run(with_limit(at_most - 1, "--check", path))[2]
        check("a start would fail" not in err and f"up to {at_most} " in err, err)
        check_equal(run(with_limit(at_most, "--check", path)), (0, b"ok\n", ""), "--check where they suffice")


def files_of_qlog_are_counted():
    path = configuration("qlog", 1, 1)
    before = figures(run(with_limit(12, "--check", path))[2])
    with open(path, "a", encoding="utf-8") as file:
        file.write("quic: { qlog: /tmp }\nlimits: { connections: 700 }\n")
    after = figures(run(with_limit(12, "--check", path))[2])
    check_equal([b - a for a, b in zip(before, after)], [0, 700, 700], "more with qlog")


def allow(relay, count):
    hard = resource.prlimit(relay.popen.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(relay.popen.pid, resource.RLIMIT_NOFILE, (count, hard))


def cpu_seconds(relay):
    with open(f"/proc/{relay.popen.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(relay, words=b"GET /stats HTTP/1.0\r\n\r\n"):
    one = socket.create_connection(("127.0.0.1", relay.port), timeout=60)
    one.sendall(words)
    return one


def is_open(one):
    one.setblocking(False)
    try:
        return one.recv(1) != b""
    except BlockingIOError:
        return True


def idle_relay():
    """A relay on which the connections of the start-up check are closed again, and the number of its open descriptors."""
    needed = figures(run(with_limit(12, "--check", "--dev"))[2])[0]
    relay = Relay()
    wait_until(lambda: open_files(relay.popen.pid) == needed, 20, "it is not idle")
    return relay, needed


def a_relay_without_a_free_descriptor_does_not_spin():
    relay, used = idle_relay()
    waiting = []
    for spare in (0, 1):
        allow(relay, used + spare)
        waiting += [ask(relay, b"GET /st") for _ in range(spare + 3)]
        wait_until(lambda: any("HTTP connections wait" in line and "ulimit -n" in line for line in relay.err), 10, "it is not told")
        before = cpu_seconds(relay)
        time.sleep(1)
        spent = cpu_seconds(relay) - before
        check(spent < 0.25, f"{spent} s of the processor in one second, with {spare} to spare")
    check(sum("HTTP connections wait" in line for line in relay.err) < 5, f"told too often: {relay.err}")
    for one in waiting:
        one.close()
    allow(relay, 1000)
    check_equal(relay.get("/stats")[0], "{", "the first character of the counters")
    relay.stop()


def a_descriptor_that_comes_free_is_used_at_once():
    """Even by a client that waits while another HTTP connection stays open."""
    relay, used = idle_relay()
    allow(relay, used + 1)
    first = ask(relay, b"GET /st")
    second = ask(relay)
    wait_until(lambda: any("HTTP connections wait" in line for line in relay.err), 10, "nobody waits")
    allow(relay, 1000)
    check_equal(second.recv(12)[:5], b"HTTP/", "the answer to who waited")
    check(is_open(first), "it was answered only after the other one had gone")
    first.close()
    second.close()
    relay.stop()


def qlogs_leave_descriptors_to_others():
    """With more connections than descriptors some have no qlog, but pages and reloads still work."""
    directory = scratch("qlogs")
    os.makedirs(directory)
    path, port = configuration("qlogs", 1, 0), free_port()
    with open(path, "a", encoding="utf-8") as file:
        file.write(f'  - {{ address: "[::]:{port}", self_signed: [localhost] }}\nhttp: {{ address: listen }}\n'
                   f"quic: {{ qlog: {directory} }}\nlimits: {{ connections: 500 }}\n")
    relay = Relay(port=port, argv=with_limit(60, path))
    bench = Process([program("moq-bench"), "--viewers", "80", "--duration", "60s", relay.url("/bench", "http")])
    wait_until(lambda: relay.stats()["viewers"] >= 80, 30, "the viewers are not there")
    check(any("no qlog" in line and "ulimit -n" in line for line in relay.err), f"it is not told: {relay.err[-5:]}")
    check(10 < len(os.listdir(directory)) < 60, f"{len(os.listdir(directory))} files of qlog")
    relay.send(signal.SIGHUP)
    wait_until(lambda: any("reloaded" in line for line in relay.err), 10, f"no reload: {relay.err[-3:]}")
    bench.end()
    relay.stop()


TESTS = [the_descriptors_that_a_start_needs_are_told, files_of_qlog_are_counted, a_relay_without_a_free_descriptor_does_not_spin,
         a_descriptor_that_comes_free_is_used_at_once, qlogs_leave_descriptors_to_others]
