# SPDX-License-Identifier: MIT OR Apache-2.0
"""Names of broadcasts: what the tools and the relay's log print leads back to the broadcast, however odd its name."""

import json

from moqkit import *
from test_tools import CLOCK, KARP, Pipe, fragmented


def the_longest_names_that_are_taken_work():
    relay = Relay()
    _, data = fragmented("h264")
    for name in ("a" * 988, "/".join(30 * ["a"])):
        result = scratch("long-name.mp4")
        viewer = waiting_subscriber(relay.url(f"/{name}"), result)
        status, _, err = run([KARP, "--tls-disable-verify", "publish", "--no-pace", relay.url(f"/{name}")], stdin=data)
        check_equal(status, 0, err)
        check_equal(viewer.wait(), 0, f"exit status of the viewer: {viewer.err}")
        check(f"publishing {name}, instance" in err and any(f'"{name}"' in line for line in viewer.err), f"cut: {err} {viewer.err}")
        relay.wait_for(f" {name}/")
    relay.stop()


def the_name_that_is_printed_leads_back():
    """Pasted into a URL, wherever it was printed; and it is in the log of the relay."""
    relay = Relay()
    _, data = fragmented("short")
    for typed, name in (("a%20b", "a%20b"), ("a b", "a%20b"), ("gr\u00f6\u00dfe%", "gr%C3%B6%C3%9Fe%"), ("a{20}b", "a{20}b"),
                        ("x//y/?token=1#z", "x//y/"), ("/x", "{}/x"), ("{2f3f}{23}{0a00}", "{2f3f230a00}"), ("b\\c;&=$!'*", None),
                        ("{", "%7B"), (100 * "{ffff}", "{" + 200 * "ff" + "}")):
        name = name or typed
        publisher = Pipe(relay.url(f"/{typed}"))
        publisher.write(data)
        publisher.process.wait_for(f"publishing {name}, instance")
        for form in ([], ["--json"]):
            status, out, err = run([KARP, "--tls-disable-verify", "info", *form, "--duration", "100ms", relay.url(f"/{name}")])
            check_equal(status, 0, err)
            printed = json.loads(out)["broadcast"] if form else out.decode().split()[1].rstrip(",")
            check_equal(printed, name, f"name in {form}")
        wait_until(lambda: relay.stats()["viewers"] == 0, 15, "info is still there")
        viewer = subscriber(relay.url(f"/{name}"), scratch("odd-name.mp4"))
        wait_until(lambda: relay.stats()["viewers"] == 3, 15, f"it does not watch: {viewer.err}")
        check_equal(publisher.end(), 0, f"{publisher.process.err}")
        check_equal(viewer.wait(), 0, f"{viewer.err}")
        relay.wait_for(f" {name}/")
        viewer = waiting_subscriber(relay.url(f"/{typed}"), scratch("odd-name.mp4"))
        viewer.wait_for(f'"{name}"')
        viewer.end()
    relay.stop()


def the_path_of_a_clock_leads_back():
    """What one prints is good for another's --path."""
    relay = Relay()
    for typed, name in ((["room", "clock"], "room/clock"), (["my room/\u00e4"], "my{20}room/{c3a4}"), (["a%20b", ""], "a%20b/"),
                        (["{}", "c"], "{}/c"), ([""], "{}")):
        clock = Process([CLOCK, "--publish", relay.url(scheme="http"), *[word for part in typed for word in ("--path", part)]])
        clock.wait_for(f"publishing {name}")
        viewer = Process([CLOCK, relay.url(scheme="http"), "--path", name])
        wait_until(lambda: viewer.out, 15, f"no second was printed: {viewer.err}")
        clock.end()
        viewer.end()
    relay.stop()


def a_name_that_was_cut_is_refused():
    status, _, err = run([KARP, "info", "https://localhost:9/long{...}"])
    check(status == 2 and "the name was cut" in err, f"{status} {err}")


TESTS = [the_longest_names_that_are_taken_work, the_name_that_is_printed_leads_back, the_path_of_a_clock_leads_back,
         a_name_that_was_cut_is_refused]
