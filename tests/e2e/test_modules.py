# SPDX-License-Identifier: MIT OR Apache-2.0
"""Modules in a relay with four workers: the clock that ships, and the module of the examples, compiled with the header alone."""

import os
import signal

from moqkit import *

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def compile_module(source, name):
    out = scratch(name + ".so")
    status, _, err = run(["cc", "-std=c11", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(TOP, "server/include"),
                          os.path.join(TOP, source), "-o", out])
    check_equal(status, 0, f"compiling {source}: {err}")
    return out


def write_config(name, port, modules):
    path = scratch(name + ".yaml")
    with open(path, "w") as file:
        file.write(f'listen:\n  - address: "[::]:{port}"\n    self_signed: [localhost]\nhttp: {{ address: listen }}\nworkers: 4\n'
                   "modules:\n" + "".join(f"  - {module}\n" for module in modules))
    return path


def relay_with(name, modules):
    port = free_port()
    path = write_config(name, port, modules)
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    relay.path = path
    return relay


def clock(relay, *more):
    return Process([program("moq-clock"), "--tls-disable-verify", "--path", "demo", "--path", "clock", relay.url(), *more])


def watchers_on_all_workers_see_the_clock_at_once():
    relay = relay_with("clock", ["clock: { path: demo/clock }"])
    viewers = [clock(relay) for _ in range(12)]
    for viewer in viewers:
        wait_until(lambda: len(viewer.out) >= 3, 15, f"no time is seen: {viewer.err}")
    stats = relay.stats()
    check_equal((stats["announcements"], stats["viewers"]), (1, 12), "one announcement, whatever the workers, and its viewers")
    check(sum(worker["viewers"] > 0 for worker in stats["workers"]) >= 2, f"one worker does it all: {stats['workers']}")
    check_equal(relay.end(), 0, "exit status")
    check(not any("error" in line for line in relay.err), f"it does not end in order: {relay.err[-5:]}")
    for viewer in viewers:
        viewer.end()


def a_module_greets_counts_and_keeps_out():
    hello = compile_module("examples/module-hello/hello.c", "hello")
    relay = relay_with("hello", ["clock: { path: demo/clock }", f"{hello}: {{ greeting: servus }}"])
    viewer = clock(relay)
    relay.wait_for("hello: servus, ")
    check_equal(relay.stats()["modules"], {"hello": {"greeted": 1}}, "counters of modules")
    write_config("hello", relay.port, ["clock: { path: demo/clock }", f"{hello}: {{ greeting: servus, open: false }}"])
    relay.send(signal.SIGHUP)
    relay.wait_for("reloaded: 1 settings changed")
    wait_until(lambda: len(viewer.out) >= 2, 15, "who is in stays in")
    late = clock(relay, "--no-reconnect")
    check(late.wait() != 0, "nobody comes in any more")
    check(any("we are closed" in line for line in late.err), f"it is told why: {late.err}")
    relay.wait_for("we are closed")
    viewer.end()
    relay.wait_for("hello: goodbye, ")
    check_equal(relay.stats()["modules"], {"hello": {"greeted": 1}}, "counters of modules")
    check_equal(relay.end(), 0, "exit status")


def a_reload_cannot_change_which_modules_there_are():
    relay = relay_with("fixed", ["clock: { path: demo/clock }"])
    for modules, name in ((["clock: { path: other }"], "modules[0].clock.path"), ([], "modules")):
        write_config("fixed", relay.port, modules)
        relay.send(signal.SIGHUP)
        relay.wait_for(f"{name} cannot change while the relay runs")
    check_equal(relay.end(), 0, "exit status")


def a_module_that_is_not_there_is_named():
    path = write_config("missing", free_port(), ["nobody", "./nothing.so: { a: 1 }"])
    for argv in ([path], ["--check", path]):
        status, _, err = run([program("moq-relay"), *argv])
        check_equal(status, 2, f"exit status: {err}")
        lines = err.strip().split("\n")
        check_equal(len(lines), 2, f"one line each: {err}")
        check(":7:5: " in lines[0] and "nobody.so" in lines[0] and "/moq-relay" in lines[0], f"where it was looked for: {lines[0]}")
        check(":8:" in lines[1] and "./nothing.so: cannot be read (No such file or directory)" in lines[1], f"the file: {lines[1]}")


def a_clock_without_a_path_is_refused_before_it_starts():
    path = write_config("empty", free_port(), ['clock: { path: "" }'])
    for argv in ([path], ["--check", path]):
        status, _, err = run([program("moq-relay"), *argv])
        check_equal(status, 2, f"exit status: {err}")
        check(":7:20: modules[0].clock.path: is empty; write a path" in err, f"what is wrong, and where: {err}")


TESTS = [
    watchers_on_all_workers_see_the_clock_at_once,
    a_module_greets_counts_and_keeps_out,
    a_reload_cannot_change_which_modules_there_are,
    a_module_that_is_not_there_is_named,
    a_clock_without_a_path_is_refused_before_it_starts,
]

if __name__ == "__main__":
    main(TESTS)
