# SPDX-License-Identifier: MIT OR Apache-2.0
"""The calls of a module's life, in their order, also when something fails on the way."""

from abikit import *


def life(**settings):
    return module("life"), settings


def other(**settings):
    return module("life", 'NAME="other"', name="other"), settings


def numbered(text, workers, backwards=False):
    return [text.format(number) for number in (reversed(range(workers)) if backwards else range(workers))]


def check_life(lines, *expected):
    """The order of calls. Workers stop in any order, so theirs is not compared within one module."""
    def settled(lines):
        result, group = [], []
        for line in [*lines, ""]:
            if group and (" worker_stop " not in line or line.split()[0] != group[0].split()[0]):
                result += sorted(group)
                group = []
            if " worker_stop " in line:
                group.append(line)
            elif line:
                result.append(line)
        return result
    check_equal(settled(lines), settled(expected), "the order of calls")


@with_workers(1, 3)
def modules_start_in_order_and_stop_in_reverse(workers):
    relay = ModuleRelay(life(number=1), other(number=2), workers=workers)
    relay.stop()
    check_life(relay.trace.lines(),
               f"life start 1 of {workers}", *numbered("life worker_start {}", workers),
               f"other start 2 of {workers}", *numbered("other worker_start {}", workers),
               *numbered("other worker_stop {}", workers), "other stop",
               *numbered("life worker_stop {}", workers), "life stop")


def the_check_flag_calls_no_module():
    """--check calls nothing but `check`."""
    status, lines, trace = ended(configuration(life(fail="start"), other()), "--check")
    check_equal((status, trace.lines()), (0, []), f"--check: {lines}")


def check_start_fails(entries, words, *expected, workers=3):
    status, lines, trace = ended(configuration(*entries, workers=workers))
    check_equal(status, 1, f"exit status: {lines}")
    check_one_line(lines, *words, f"this relay has {VERSION}")
    check_life(trace.lines(), *expected)


def a_start_that_fails_stops_what_was_started():
    check_start_fails([life(fail="start")], ("life", module("life"), "the world is broken; mend it"), "life start 0 of 3")
    check_start_fails([other(), life(fail="start")], ("life", "the world is broken"),
                      "other start 0 of 3", *numbered("other worker_start {}", 3), "life start 0 of 3",
                      *numbered("other worker_stop {}", 3), "other stop")
    check_start_fails([life(fail="start"), other()], ("life", "the world is broken"), "life start 0 of 3")


def a_start_that_fails_without_words_is_told_of():
    check_start_fails([life(fail="start", silent=True)], ("life", module("life")), "life start 0 of 3")
    check_start_fails([life(fail="worker_start", silent=True)], ("life", module("life")),
                      "life start 0 of 3", "life worker_start 0", "life stop")


def a_worker_without_memory_is_told_of():
    trace = Trace()
    process = Process(command(configuration(module("life", "SLOT_BYTES=1u<<30"))),
                      env={"ABI_TRACE": trace.path, "ASAN_OPTIONS": "max_allocation_size_mb=512:allocator_may_return_null=1"})
    check_equal(process.wait(3), 1, f"exit status: {process.err}")
    found = [line for line in process.err if "cannot start on a worker: out of memory" in line]
    check_equal(len(found), 1, f"lines that say why: {process.err}")
    check_equal(trace.lines()[1:], ["life stop"], "calls after the start")


def a_worker_start_that_fails_stops_the_earlier_ones():
    for at in range(3):
        check_start_fails([other(), life(fail="worker_start", worker=at)], ("life", module("life"), "the world is broken"),
                          "other start 0 of 3", *numbered("other worker_start {}", 3), "life start 0 of 3",
                          *numbered("life worker_start {}", at + 1), *numbered("life worker_stop {}", at), "life stop",
                          *numbered("other worker_stop {}", 3), "other stop")


def a_check_that_refuses_names_the_place():
    yaml = file_with("check.yaml", f"modules:\n  - {module('life')}:\n      fail: check\n      number: 7\n".encode())
    for more in (["--check"], []):
        status, lines, trace = ended(yaml, *more)
        check_equal((status, trace.lines()), (EXIT_USAGE, []), "exit status and calls")
        check_one_line(lines, "check.yaml:4:15", "modules[0].life.number", "7 is too odd; take an even one")


@with_workers(1, 3)
def a_reload_reaches_every_worker_and_then_the_old_one_goes(workers):
    relay = ModuleRelay(life(number=1), other(number=2), workers=workers)
    relay.reload(life(number=3), other(number=4), workers=workers)
    relay.trace.wait_for("other reload_done")
    begun = 2 * (1 + workers)
    check_life(relay.trace.lines()[begun:], "life reload 3", "other reload 4",
               *numbered("life worker_reload {} 3", workers), "life reload_done true",
               *numbered("other worker_reload {} 4", workers), "other reload_done true")
    relay.reload(life(number=5), other(number=6), workers=workers)
    relay.trace.wait_for("other worker_reload 0 6")
    relay.stop()


@with_workers(1, 3)
def a_reload_that_one_refuses_changes_nothing(workers):
    relay = ModuleRelay(life(number=1), other(number=2), workers=workers)
    relay.reload(life(number=3), other(number=4, fail="reload"), workers=workers)
    relay.trace.wait_for("reload_done")
    relay.wait_for("nothing was reloaded")
    begun = 2 * (1 + workers)
    check_life(relay.trace.lines()[begun:], "life reload 3", "other reload 4", "life reload_done false")
    found = relay.logged("nothing was reloaded")
    check_equal(len(found), 1, "lines that tell of it")
    for word in ("other", "the world is broken; mend it", module("life", 'NAME="other"', name="other")):
        check(word in found[0], f"{word!r} is not in {found[0]}")
    relay.reload(life(number=5), other(number=6), workers=workers)
    relay.trace.wait_for("other reload_done true")
    check(not relay.trace.has("worker_reload 0 3"), "a worker was given what was refused")
    relay.stop()


def a_change_that_needs_a_restart_is_not_told_to_the_module():
    relay = ModuleRelay(life(number=1, fixed="a"))
    relay.reload(life(number=2, fixed="b"))
    relay.wait_for("nothing was reloaded")
    relay.reload(life(number=2, fixed="a"), other())
    wait_until(lambda: len(relay.logged("nothing was reloaded")) == 2, 10, "a second refusal")
    check(not relay.trace.has("reload"), f"the module was asked: {relay.trace.lines()}")
    relay.stop()


def a_check_that_refuses_stops_a_reload():
    relay = ModuleRelay(life(number=1))
    relay.reload(life(number=7, fail="check"))
    relay.wait_for("7 is too odd")
    relay.reload(life(number=2))
    relay.trace.wait_for("life reload_done true")
    check(not relay.trace.has("reload 7"), "the module was given it")
    relay.stop()


TESTS = [modules_start_in_order_and_stop_in_reverse, the_check_flag_calls_no_module, a_start_that_fails_stops_what_was_started,
         a_start_that_fails_without_words_is_told_of, a_worker_without_memory_is_told_of,
         a_worker_start_that_fails_stops_the_earlier_ones, a_check_that_refuses_names_the_place,
         a_reload_reaches_every_worker_and_then_the_old_one_goes,
         a_reload_that_one_refuses_changes_nothing, a_change_that_needs_a_restart_is_not_told_to_the_module,
         a_check_that_refuses_stops_a_reload]
