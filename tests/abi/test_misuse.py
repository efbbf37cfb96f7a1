# SPDX-License-Identifier: MIT OR Apache-2.0
"""Modules that come close to the rules of relay/module.h, break them, or leave things behind."""

from abikit import *
from peer import *

WORKERS = (1, 3)
ABORTED = -signal.SIGABRT


def misuse(doing):
    return module("misuse", name="misuse"), {"do": doing}


def relay_that_ends_cleanly(doing, told_by_then, workers, logged=()):
    relay = ModuleRelay(misuse(doing), workers=workers)
    for text in told_by_then:
        wait_until(lambda text=text: sum(text == line for line in relay.trace.lines()) == workers, 20,
                   f"not every worker told {text!r}: {relay.trace.lines()[-5:]}")
    relay.get("/stats")
    relay.stop()
    check(relay.trace.has("stopped"), "stop was called")
    check(any("misuse: the last words" in line for line in relay.err), "the log still takes lines in stop")
    found = [line for line in relay.err if re.match(r"\S+ (warn|error) ", line)]
    check_equal(len(found), len(logged), f"lines of warnings and errors: {found}")
    for line, words in zip(found, logged):
        check(words in line, f"{words!r} is not in {line}")


@with_workers(*WORKERS)
def timers_run_once_or_again_and_stop_anywhere(workers):
    relay_that_ends_cleanly("timers", ["timers are good"], workers)


@with_workers(*WORKERS)
def posts_are_bounded_and_keep_their_order(workers):
    relay_that_ends_cleanly("post_many", ["all posts ran in their order"], workers)


@with_workers(*WORKERS)
def no_post_runs_after_the_stop(workers):
    relay_that_ends_cleanly("post_late", [], workers)


@with_workers(*WORKERS)
def timers_sources_and_groups_that_are_left_open_are_closed(workers):
    relay_that_ends_cleanly("leave_open", [], workers)


@with_workers(*WORKERS)
def handles_of_libuv_that_are_left_open_are_told_of(workers):
    relay_that_ends_cleanly("leave_handle", [], workers, ["a handle (timer) was left open"] * workers)


@with_workers(*WORKERS)
def handles_of_libuv_are_served(workers):
    relay_that_ends_cleanly("use_handle", ["a handle of libuv turns"], workers)


@with_workers(*WORKERS)
def a_source_closes_in_a_timer_with_its_groups(workers):
    relay_that_ends_cleanly("die_in_timer", ["all is closed"], workers)


async def watch_a_source_that_closes(relay):
    viewer = await connect(relay)
    stream = viewer.bidi(subscribe(V02, 7, ("misuse", "0")))
    await told(relay, "closed in on_live")
    await stream.until(lambda s: s.is_over, "the end of the subscription")
    await viewer.ping()


a_source_closes_in_on_live = with_peers(lambda: misuse("close_in_live"), workers=WORKERS)(watch_a_source_that_closes)
a_source_closes_in_on_live.__name__ = "a_source_closes_in_on_live"


# ---- Traps -------------------------------------------------------------------------------------------------------

def check_trapped(process, name, function):
    """It has aborted, with one line that says who did what."""
    wait_until(lambda: not process.is_running(), 10, "the relay has not aborted")
    status = process.wait()
    check_equal(status, ABORTED, f"how the relay ended: {process.err[-20:]}")
    found = [line for line in process.err if re.match(r"\S+ error ", line)]
    check_equal(len(found), 1, f"lines that say why: {found}")
    check(f"module {name}: {function} was called" in found[0], f"{function} of {name} is not named: {found[0]}")


def check_trapped_handle(doing, function):
    """Whose handle it was cannot be known."""
    check_trapped(start_misuse(doing), "?", function)


def start_misuse(doing, workers=1):
    trace = Trace()
    return Process(command(configuration(misuse(doing), workers=workers)), env={"ABI_TRACE": trace.path})


def a_call_on_a_foreign_thread_is_trapped():
    check_trapped(start_misuse("thread_counts"), "misuse", "relay_counter")
    check_trapped(start_misuse("thread_looks"), "misuse", "relay_worker_number")


def a_call_on_another_worker_is_trapped():
    check_trapped(start_misuse("other_worker", workers=2), "misuse", "relay_worker_now_ns")


def a_handle_that_is_over_is_trapped():
    check_trapped_handle("stale_timer", "relay_timer_stop")


def a_handle_of_another_type_is_trapped():
    check_trapped_handle("wrong_type", "relay_group_write")


def a_call_without_a_handle_is_trapped():
    check_trapped_handle("no_handle", "relay_peer_address")


def a_worker_on_the_main_thread_is_trapped():
    relay = ModuleRelay(misuse("main_looks"))
    relay.send(signal.SIGTERM)
    check_trapped(relay, "misuse", "relay_worker_number")


def a_second_answer_by_one_handle_is_trapped():
    relay = ModuleRelay(misuse("stale_request"))

    async def ask():
        viewer = await connect(relay)
        viewer.bidi(info_please("any"))
        await until_told(lambda: not relay.is_running(), "the relay has aborted")
        everybody_leaves()

    asyncio.run(asyncio.wait_for(ask(), LIMIT_S))
    check_trapped(relay, "?", "relay_request_answer")


TESTS = [timers_run_once_or_again_and_stop_anywhere, posts_are_bounded_and_keep_their_order, no_post_runs_after_the_stop,
         timers_sources_and_groups_that_are_left_open_are_closed, handles_of_libuv_that_are_left_open_are_told_of,
         handles_of_libuv_are_served, a_source_closes_in_a_timer_with_its_groups, a_source_closes_in_on_live,
         a_call_on_a_foreign_thread_is_trapped, a_call_on_another_worker_is_trapped, a_handle_that_is_over_is_trapped,
         a_handle_of_another_type_is_trapped, a_call_without_a_handle_is_trapped, a_worker_on_the_main_thread_is_trapped,
         a_second_answer_by_one_handle_is_trapped]
