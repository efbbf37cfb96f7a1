# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tracks that modules publish: what viewers get of them, what the module is told, and what bounds both."""

from abikit import *
from peer import *

WORKERS = (1, 4)
NAME = ("made", "here")
SEVERAL = 6  # peers, so that they are not all on one worker of four


def source(**settings):
    return lambda: (module("source"), settings)


def limits():
    return module("limits")


def group_of(number):
    return frame(f"group {number}".encode()) + frame(b"")


@with_peers(source(), workers=WORKERS)
async def whoever_comes_late_gets_the_newest_group_at_once(relay):
    for binding, version in itertools.product(BINDINGS, VERSIONS):
        viewer = await connect(relay, binding, version)
        told_of = viewer.bidi(announce_please())
        await told_of.until(lambda s: announce(ACTIVE, *NAME) in s.data, "the announcement")
        watching = await watch(viewer, NAME)
        check_equal((await watching.next())[1:], (12, group_of(12)), "the newest group")
        watching.stream.cancel()


@with_peers(source(), workers=WORKERS)
async def groups_are_fetched_while_nobody_watches(relay):
    viewers = [await connect(relay) for _ in range(SEVERAL)]
    for viewer in viewers:
        await viewer.bidi(fetch(V02, NAME, 128, 11, 0), True).ended(group_of(11), "FETCH of the older group")
        await viewer.bidi(fetch(V02, NAME, 128, 11, 3), True).ended(group_of(11)[3:], "FETCH from an offset")
        growing = viewer.bidi(fetch(V02, NAME, 128, 12, 0))
        await growing.has(group_of(12), "FETCH of the group that is open")
        growing.cancel()
        for absent in (10, 13):
            await viewer.bidi(fetch(V02, NAME, 128, absent, 0), True).refused(NOT_FOUND, f"FETCH of group {absent}", 12)
    check(not relay.trace.has("on_live"), "a FETCH is nobody who watches")


@with_peers(source(), workers=WORKERS)
async def info_is_given_while_nobody_watches(relay):
    for version in VERSIONS:
        viewer = await connect(relay, version=version)
        answer = viewer.bidi(info_please(*NAME), True)
        await answer.ended(info(version, 99, 2 if version == V03 else 1, 0, 12), f"INFO in version {version & 0xff}")


@with_peers(source(do="tick"), workers=WORKERS)
async def a_group_that_grows_reaches_viewers_and_fetches(relay):
    viewers = [await connect(relay) for _ in range(SEVERAL)]
    watching = [await watch(viewer, NAME) for viewer in viewers]
    streams = [(await each.next())[0] for each in watching]
    fetched = [viewer.bidi(fetch(V02, NAME, 128, 12, 0)) for viewer in viewers]
    for stream in streams + fetched:
        await stream.until(lambda s: group_of(12) in s.data and frame(b"tick 3") in s.data, "a tick")
        check(frame(b"tick 0") in stream.data, "no frame is lost")


@with_peers(source(), workers=WORKERS)
async def the_module_is_told_who_watches_once_for_all(relay):
    for turn in range(1, 4):
        viewers = [await connect(relay) for _ in range(SEVERAL)]
        watching = [await watch(viewer, NAME) for viewer in viewers]
        for each in watching:
            await each.next()
        await until_told(lambda: count(relay, "on_live") == turn, "on_live")
        for each in watching:
            each.stream.cancel()
        await until_told(lambda: count(relay, "on_idle") == turn, "on_idle")
    check_equal([line for line in relay.trace.lines() if line.startswith("on_")], ["on_live", "on_idle"] * 3, "what it is told")


@with_peers(source(do="end"), workers=WORKERS)
async def a_track_that_ends_gives_all_of_itself_first(relay):
    viewers = [await connect(relay) for _ in range(SEVERAL)]
    watching = [await watch(viewer, NAME) for viewer in viewers]
    for each in watching:
        stream = (await each.next())[0]
        await stream.ended(group(each.number, 12) + group_of(12), "the last group")
        await each.stream.until(lambda s: s.is_over, "the end of the subscription")
        check(each.stream.is_ended, f"how the subscription ended: {each.stream.state()}")
    check(relay.trace.has("ended"), "the module ended it")
    await viewers[0].bidi(info_please(*NAME), True).refused(NOT_FOUND, "INFO of a track that has ended", 12)


@with_peers(source(do="fail"), workers=WORKERS)
async def a_track_that_fails_is_cut(relay):
    viewers = [await connect(relay) for _ in range(SEVERAL)]
    watching = [await watch(viewer, NAME) for viewer in viewers]
    for each in watching:
        await each.next()
        await each.stream.until(lambda s: s.is_over, "the end of the subscription")
        check(each.stream.reset_raw is not None, f"how the subscription ended: {each.stream.state()}")


@with_peers(source(do="finish"), workers=WORKERS)
async def a_track_that_is_finished_is_there_until_it_is_closed(relay):
    async def watch_to_the_end(viewer):
        watching = await watch(viewer, NAME)
        stream = (await watching.next())[0]
        await stream.ended(group(watching.number, 12) + group_of(12), "the last group")
        await watching.stream.until(lambda s: s.is_over, "the end of the subscription")
        check(watching.stream.is_ended, f"how the subscription ended: {watching.stream.state()}")

    viewers = [await connect(relay) for _ in range(SEVERAL)]
    await asyncio.gather(*(watch_to_the_end(viewer) for viewer in viewers))
    await told(relay, "finished")
    for _ in range(SEVERAL):
        await watch_to_the_end(await connect(relay))


@with_peers(source(do="finish_badly"), workers=WORKERS)
async def a_track_that_is_finished_badly_says_so_at_its_end(relay):
    viewers = [await connect(relay) for _ in range(SEVERAL)]
    watching = [await watch(viewer, NAME) for viewer in viewers]
    for each in watching:
        check_equal((await each.next())[1], 12, "the last group")
        await each.stream.until(lambda s: s.is_over, "the end of the subscription")
        check(each.stream.reset_raw is not None, f"how the subscription ended: {each.stream.state()}")


@with_peers(source(do="reset"), workers=WORKERS)
async def a_group_that_is_cut_is_reset(relay):
    viewer = await connect(relay)
    watching = await watch(viewer, NAME)
    stream = (await watching.next())[0]
    await stream.until(lambda s: s.is_over, "the end of a group")
    check(stream.reset_raw is not None, f"how the group ended: {stream.state()}")
    check(not watching.stream.is_over, "the track goes on")


@with_peers(source(do="flood"), workers=WORKERS)
async def a_group_without_end_is_bounded_and_harms_nobody(relay):
    publisher, viewer = await connect(relay), await connect(relay)
    await publish(publisher, ("other", "track"))
    watching = await watch(viewer, ("other", "track"))
    asked = await subscription(publisher)
    slow = await connect(relay)  # watches, and gives no credit for what it does not read
    await watch(slow, NAME)
    sequence, worst_s = 0, 0
    while not relay.trace.has("flooded"):
        began = time.monotonic()
        asked.group(sequence, b"x")
        stream = (await watching.next())[0]
        await stream.until(lambda s, whole=(sequence, frame(b"x")): watching.split(s) == whole, "a group of another track")
        sequence, worst_s = sequence + 1, max(worst_s, time.monotonic() - began)
        check(sequence < 10000, "the flood does not end")
        await asyncio.sleep(0.02)
    check(worst_s < 2, f"another track waited for {worst_s:.1f} s")
    asked.group(sequence, b"x")
    await watching.next()


@with_peers(source(older=3, count=10, age_ms=1000))
async def what_is_too_old_goes(relay):
    viewer = await connect(relay)
    await viewer.bidi(fetch(V02, NAME, 128, 19, 0)).has(group_of(19), "FETCH of the newest group")
    async def is_gone():
        answer = viewer.bidi(fetch(V02, NAME, 128, 18, 0), True)
        await answer.until(lambda s: s.is_over, "an answer")
        return answer.reset_raw is not None
    deadline = time.monotonic() + 5 * PATIENCE
    while not await is_gone():
        check(time.monotonic() < deadline, "a group that is too old is still there")
        await asyncio.sleep(0.2)
    await viewer.bidi(fetch(V02, NAME, 128, 19, 0)).has(group_of(19), "FETCH of the newest group")


@with_workers(1, 3)
def limits_are_as_stated(workers):
    relay = ModuleRelay(limits(), workers=workers)
    for number in range(workers):
        relay.trace.wait_for(f"looked {number}")
    relay.trace.wait_for("all have added")
    wait_until(lambda: relay.counters("limits").get("hits") == (10 + 2000) * workers, 5, "the sum of a counter")
    counters = relay.counters("limits")
    check_equal(counters.get("level"), -2 * workers, "the sum of a counter that falls")
    check_equal(len(counters), 128, "counters")
    lines = relay.logged("limits: ")
    check(any("100% of it" in line and "\x1b" not in line for line in lines), f"a line of the module: {lines[-3:]}")
    check(not any("no level" in line for line in lines), "a line without a level")
    relay.stop()


def sequences_of_groups_do_not_go_back():
    ModuleRelay(module("limits", "IS_BACKWARDS=true")).stop()


TESTS = [whoever_comes_late_gets_the_newest_group_at_once, groups_are_fetched_while_nobody_watches,
         info_is_given_while_nobody_watches, a_group_that_grows_reaches_viewers_and_fetches,
         the_module_is_told_who_watches_once_for_all, a_track_that_ends_gives_all_of_itself_first, a_track_that_fails_is_cut,
         a_track_that_is_finished_is_there_until_it_is_closed, a_track_that_is_finished_badly_says_so_at_its_end,
         a_group_that_is_cut_is_reset, a_group_without_end_is_bounded_and_harms_nobody, what_is_too_old_goes, limits_are_as_stated,
         sequences_of_groups_do_not_go_back]
