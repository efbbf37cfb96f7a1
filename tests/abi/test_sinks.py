# SPDX-License-Identifier: MIT OR Apache-2.0
"""Modules that watch a track, or open a watch and never read it."""

from abikit import *
from peer import *

WORKERS = (1, 4)
NAME = ("live", "it")
PATIENT = {"wait": "20s"}  # watches are there before the publisher


def sink(**settings):
    return lambda: (module("sink"), settings)


async def told_by_all(relay, text):
    """Every worker's watch tells it."""
    def workers():
        return {line.split()[0] for line in relay.trace.lines() if line.partition(" ")[2] == text}
    await until_traced(relay, lambda: len(workers()) == len(relay.stats()["workers"]), f"not every worker has told {text!r}")


async def publisher_of(relay):
    source = await connect(relay)
    await publish(source, NAME)
    return source, await subscription(source)


@with_peers(sink(), workers=WORKERS, limits=PATIENT)
async def a_watch_reads_groups_frames_and_ends(relay):
    source, asked = await publisher_of(relay)
    asked.group(3, b"one", b"")
    for text in ("group 3", "frame 3 one", "frame 3 ", "group end 3 0"):
        await told_by_all(relay, text)
    growing = source.uni(group(asked.number, 4) + frame(b"two"))
    await told_by_all(relay, "frame 4 two")
    growing.send(frame(b"three"), True)
    for text in ("frame 4 three", "group end 4 0"):
        await told_by_all(relay, text)


@with_peers(sink(), workers=WORKERS, limits=PATIENT)
async def a_watch_is_told_of_the_end(relay):
    source, asked = await publisher_of(relay)
    asked.group(3, b"one")
    await told_by_all(relay, "group end 3 0")
    asked.stream.end()
    source.leave()
    ends = re.compile(r"\d+ end (0|-\d+)")
    await until_traced(relay, lambda: sum(bool(ends.fullmatch(line)) for line in relay.trace.lines()) == len(relay.stats()["workers"]),
                       "not every worker has told the end")


@with_peers(sink(), workers=WORKERS, limits={"wait": "300ms"})
async def a_watch_of_what_nobody_publishes_ends(relay):
    await told_by_all(relay, "end -4")


@with_peers(sink(), workers=WORKERS, limits=PATIENT)
async def paths_are_told_as_they_come_and_go(relay):
    source, _ = await publisher_of(relay)
    await told_by_all(relay, "listed")
    await told_by_all(relay, "offered live/it")
    await publish(source, ("other", "path"))
    source.asked.send(announce(ENDED, *NAME))
    await told_by_all(relay, "gone live/it")
    check(not relay.trace.has("other/path"), "a path that has another prefix")


@with_peers(sink(do="never"), workers=WORKERS, limits=PATIENT)
async def a_sink_that_never_reads_harms_nobody(relay):
    source, asked = await publisher_of(relay)
    viewer = await connect(relay)
    watching = await watch(viewer, NAME)
    before = resident_kib(relay)
    for sequence in range(80):
        asked.group(sequence, bytes(200000))
        stream, number, _ = await watching.next()
        check_equal(number, sequence, "the next group")
        await stream.ended(group(watching.number, sequence) + frame(bytes(200000)), "a group")
    grown = resident_kib(relay) - before
    check(grown < 512 * 1024, f"the relay grew by {grown // 1024} MiB")
    await source.ping()


@with_peers(sink(do="close"), workers=WORKERS, limits=PATIENT)
async def a_watch_closes_as_it_is_told(relay):
    source, asked = await publisher_of(relay)
    asked.group(3, b"one")
    await told_by_all(relay, "closed")
    await source.ping()


@with_peers(sink(do="leave"), workers=WORKERS, limits=PATIENT)
async def watches_that_are_left_open_are_closed(relay):
    _, asked = await publisher_of(relay)
    asked.group(3, b"one")


def resident_kib(relay):
    with open(f"/proc/{relay.popen.pid}/statm") as file:
        return int(file.read().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)


TESTS = [a_watch_reads_groups_frames_and_ends, a_watch_is_told_of_the_end, a_watch_of_what_nobody_publishes_ends,
         paths_are_told_as_they_come_and_go, a_sink_that_never_reads_harms_nobody, a_watch_closes_as_it_is_told,
         watches_that_are_left_open_are_closed]
