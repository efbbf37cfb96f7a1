# SPDX-License-Identifier: MIT OR Apache-2.0
"""The page /api/viewers: who watches what on which worker, and who set its numbers."""

import json
import os
import signal
import urllib.error
import urllib.request

from moqkit import *

POLICY = """policy:
  latency: 2s
  classes:
    - { match: "chat/**", latency: 1s }
    - { match: "meet/**", latency: 250ms, order: oldest }
"""


def relay_of(name, viewers, more=""):
    port = free_port()
    path = scratch(name + ".yaml")
    text = f'listen:\n  - address: "[::]:{port}"\n    self_signed: [localhost]\nworkers: 4\n{POLICY}{more}http: {{ address: listen, viewers: '
    with open(path, "w") as file:
        file.write(text + f"{viewers} }}\n")
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    relay.path, relay.text = path, text
    return relay


def clock(relay, name, *more):
    return Process([program("moq-clock"), "--tls-disable-verify", "--path", name, "--path", "clock", relay.url(), *more])


def page(relay, query=""):
    return json.loads(relay.get("/api/viewers" + query))


def status_of(relay, path):
    try:
        relay.get(path)
        return 200
    except urllib.error.HTTPError as error:
        return error.code


def watch_three(relay):
    """A viewer of each of three paths, which belong to different classes."""
    names = ("news", "meet", "film")
    clocks = [clock(relay, name, "--publish") for name in names]
    viewers = [clock(relay, name) for name in names]
    for viewer in viewers:
        wait_until(lambda: len(viewer.out) >= 2, 15, f"no time is seen: {viewer.err}")
    return clocks + viewers


def three_viewers_and_who_set_their_numbers():
    out = scratch("patron.so")
    status, _, err = run(["cc", "-std=c11", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(TOP, "server/include"),
                          os.path.join(TOP, "tests/e2e/patron.c"), "-o", out])
    check_equal(status, 0, f"compiling the module: {err}")
    relay = relay_of("why", "true", f"modules:\n  - {out}\n")
    processes = watch_three(relay)
    answer = page(relay)
    check("next" not in answer, "everything is on one page")
    rows = {row["path"]: row for row in answer["viewers"]}
    check_equal(sorted(rows), ["film/clock", "meet/clock", "news/clock"], "paths")
    check_equal({path: (row["policy"]["latency_ms"], row["set_by"]["latency"]) for path, row in rows.items()}, {
        "news/clock": (2000, "default"), "meet/clock": (250, "class 2 (meet/**)"), "film/clock": (7000, 'patron (patron.c: "patience")')},
                "latencies, and who set them")
    check(all(row["set_by"]["priority"] == "viewer" for row in rows.values()), f"who set priorities: {rows}")
    check(rows["meet/clock"]["set_by"]["order"] in ("viewer", "class 2 (meet/**)"), f"who set its order: {rows}")
    check_equal({(row["policy"]["rate_bps"], row["set_by"]["rate"]) for path, row in rows.items() if path == "news/clock"}, {(0, "default")}, "rates")
    check_equal({row["policy"]["start"] for row in rows.values()}, {"newest"}, "where they began")
    for path, row in rows.items():
        check_equal((row["track"], row["protocol"], row["version"] in (2, 3, 4), row["identity"]), (path, "webtransport", True, ""), "what is known")
        check(row["bytes_sent"] > 0 and row["rtt_us"] > 0 and row["watched_ms"] > 0, f"its numbers: {row}")
        check(":" in row["address"] and row["since"].endswith("Z"), f"its address and time: {row}")
    check_equal([row["path"] for row in page(relay, "?path=m*/**")["viewers"]], ["meet/clock"], "those that match a pattern")
    for process in processes:
        process.end()
    relay.stop()


def long_lists_come_in_pages():
    relay = relay_of("pages", "true")
    publisher = clock(relay, "news", "--publish")
    viewers = [clock(relay, "news") for _ in range(7)]
    wait_until(lambda: relay.stats()["viewers"] == len(viewers), 15, "not all viewers are there")
    seen, after, pages = [], "", 0
    while after is not None and pages < 10:
        answer = page(relay, f"?limit=2{after}")
        check(len(answer["viewers"]) <= 2, f"a page is too long: {answer}")
        seen += [row["viewer"] for row in answer["viewers"]]
        after = f"&after={answer['next']}" if "next" in answer else None
        pages += 1
    check_equal((len(seen), len(set(seen))), (7, 7), "viewers, each on one page")
    for query in ("limit=0", "limit=10001", "limit=x", "limit=", "after=1", "after=1-", "after=-1", "after=1-2x", "path=", "path=/a", "path=a**",
                  "path=" + "a" * 1100, "after=1-99999999999999999999"):
        check_equal(status_of(relay, f"/api/viewers?{query}"), 400, query)
    check_equal(page(relay, "?after=64-0"), {"viewers": []}, "behind the last worker")
    for process in (publisher, *viewers):
        process.end()
    relay.stop()


def it_is_served_only_where_the_configuration_says_so():
    relay = relay_of("private", "false")
    check_equal(status_of(relay, "/api/viewers"), 404, "a page that is off")
    with open(relay.path, "w") as file:
        file.write(relay.text + "true }\n")
    relay.send(signal.SIGHUP)
    relay.wait_for("reloaded: 1 settings changed")
    check_equal(page(relay), {"viewers": []}, "nobody watches")
    with urllib.request.urlopen(f"http://localhost:{relay.port}/api/viewers") as answer:
        check("Access-Control-Allow-Origin" not in answer.headers, f"pages of other origins may read it: {answer.headers}")
    relay.stop()


TESTS = [three_viewers_and_who_set_their_numbers, long_lists_come_in_pages, it_is_served_only_where_the_configuration_says_so]
