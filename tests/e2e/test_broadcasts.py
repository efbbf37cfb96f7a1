# SPDX-License-Identifier: MIT OR Apache-2.0
"""The page /api/broadcasts: what is live, on whichever worker."""

import json
import signal
import urllib.error
import urllib.parse
import urllib.request

from moqkit import *

CLOCKS = """modules:
  - clock: { path: demo/clock }
  - karp: { sources: [ { path: demo/film, file: %s, loop: true } ] }
"""


def relay_of(name, broadcasts, more="", workers=4):
    port = free_port()
    path = scratch(name + ".yaml")
    text = f'listen:\n  - address: "[::]:{port}"\n    self_signed: [localhost]\nworkers: {workers}\n{more}http: {{ address: listen'
    with open(path, "w") as file:
        file.write(text + f", broadcasts: {broadcasts} }}\n")
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    relay.path, relay.text = path, text
    return relay


def page(relay, query=""):
    return json.loads(relay.get("/api/broadcasts" + query))


def status_of(relay, path):
    try:
        relay.get(path)
        return 200
    except urllib.error.HTTPError as error:
        return error.code


def clock(relay, name, *more):
    return Process([program("moq-clock"), "--tls-disable-verify", "--path", name, "--path", "clock", relay.url(), *more])


def names(answer):
    return [row["path"] for row in answer["broadcasts"]], [row["path"] for row in answer["tracks"]]


def broadcasts_have_instances_tracks_and_viewers():
    relay = relay_of("live", "true", CLOCKS % as_fmp4(clip("short")))
    wait_until(lambda: names(page(relay)) == (["demo/film"], ["demo/clock"]), 15, f"not live: {page(relay)}")
    film = page(relay)["broadcasts"][0]
    check(film["instance"].isdigit() and film["viewers"] == 0, f"the film: {film}")
    wait_until(lambda: len(page(relay)["broadcasts"][0]["tracks"]) == 2, 15, "tracks of video and audio")
    viewers = [subscriber(relay.url("/demo/film"), scratch(f"film{number}.mp4")) for number in range(3)]
    watcher = clock(relay, "demo")
    wait_until(lambda: page(relay)["broadcasts"][0]["viewers"] == 3, 15, f"three watch: {page(relay)}")
    wait_until(lambda: page(relay)["tracks"][0]["viewers"] == 1, 15, f"one reads the clock: {page(relay)}")
    with urllib.request.urlopen(f"http://localhost:{relay.port}/api/broadcasts") as answer:
        check_equal(answer.headers["Access-Control-Allow-Origin"], "*", "who may read it")
        check_equal(answer.headers["Content-Type"], "application/json", "its type")
    for process in (*viewers, watcher):
        process.end()
    wait_until(lambda: page(relay)["broadcasts"][0]["viewers"] == 0, 15, "nobody watches any more")
    relay.stop()


def paths_of_all_workers_come_and_go():
    relay = relay_of("workers", "true")
    check_equal(page(relay), {"broadcasts": [], "tracks": []}, "nothing is live")
    clocks = {name: clock(relay, name, "--publish") for name in ("a", "b", "c d", "e", "f")}
    wait_until(lambda: len(page(relay)["tracks"]) == len(clocks), 15, "all clocks")
    check_equal(names(page(relay))[1], ["a/clock", "b/clock", "c{20}d/clock", "e/clock", "f/clock"], "in order")
    seen, after = [], ""
    for _ in range(4):
        answer = page(relay, f"?limit=2{after}")
        seen += names(answer)[1]
        if "next" not in answer:
            break
        after = "&after=" + urllib.parse.quote(answer["next"])
    check_equal(seen, names(page(relay))[1], "page by page")
    check_equal(names(page(relay, "?prefix=e"))[1], ["e/clock"], "those below a path")
    check_equal(names(page(relay, "?prefix=e&after=f/clock"))[1], [], "behind a path")
    check_equal(names(page(relay, "?prefix=c%7b20%7dd"))[1], ["c{20}d/clock"], "a name with a space")
    for query in ("limit=0", "limit=10001", "limit=x", "limit=", "prefix=" + "a/" * 40, "after=" + "a" * 2000):
        check_equal(status_of(relay, f"/api/broadcasts?{query}"), 400, query)
    clocks.pop("b").end()
    wait_until(lambda: names(page(relay))[1] == ["a/clock", "c{20}d/clock", "e/clock", "f/clock"], 15, "one has left")
    for process in clocks.values():
        process.end()
    wait_until(lambda: page(relay)["tracks"] == [], 15, "all have left")
    relay.stop()


def it_is_served_only_where_the_configuration_says_so():
    relay = relay_of("quiet", "false", workers=1)
    publisher = clock(relay, "demo", "--publish")
    wait_until(lambda: relay.stats()["announcements"] == 1, 15, "no clock")
    check_equal(status_of(relay, "/api/broadcasts"), 404, "a page that is off")
    for round in range(3):
        for on in ("true", "false"):
            with open(relay.path, "w") as file:
                file.write(relay.text + f", broadcasts: {on} }}\n")
            relay.send(signal.SIGHUP)
            wait_until(lambda: status_of(relay, "/api/broadcasts") == (200 if on == "true" else 404), 15, f"turned {on}")
            if on == "true":
                wait_until(lambda: names(page(relay))[1] == ["demo/clock"], 15, f"round {round}: what was there before")
    publisher.end()
    relay.stop()


TESTS = [broadcasts_have_instances_tracks_and_viewers, paths_of_all_workers_come_and_go, it_is_served_only_where_the_configuration_says_so]
