# SPDX-License-Identifier: MIT OR Apache-2.0
"""A good peer: every message of transfork in both directions, byte for byte, in all versions and on both bindings."""

import itertools

from peer import *
from rig import *

EVERYBODY = list(itertools.product(BINDINGS, VERSIONS))
WITH_LIVE = (V03, V04)


def kinds_on(**settings):
    """A test of (relay, binding, version), for all of them, on a relay with these settings."""
    def decorate(test):
        @on_a_relay(**settings)
        async def all_kinds(relay):
            for binding, version in EVERYBODY:
                try:
                    await test(relay, binding, version)
                except Failure as why:
                    raise Failure(f"{binding} {version & 0xFF:02}: {why}") from None
                everybody_leaves()
                await settle(relay)
        all_kinds.__name__ = test.__name__
        return all_kinds
    return decorate


kinds = kinds_on()


async def settle(relay):
    """Nothing of the previous round is left: its names can be used again."""
    def is_empty():
        stats = relay.stats()
        return not any(stats[name] for name in ("sessions", "announcements", "tracks", "viewers"))
    await until_told(is_empty, "everything was let go")


async def pair(relay, binding, version, name=("live", "it"), **wish):
    """A publisher, a viewer, and what the relay asked the publisher for."""
    source, viewer = await connect(relay, binding, version), await connect(relay, binding, version)
    await publish(source, name)
    watching = await watch(viewer, name, **wish)
    return source, watching, await subscription(source)


# ---- The greeting ------------------------------------------------------------------------------------------------

@on_a_relay()
async def the_version_is_chosen_03_before_02_before_04(relay):
    for binding in BINDINGS:
        for offer, picked in (((V02,), V02), ((V03,), V03), ((V04,), V04), ((V04, V03, V02), V03), ((V04, V02), V02),
                              ((V02, V04), V02), ((0xFF0BAD99, V04), V04), ((1, V02, WORST), V02)):
            await greet(await dial_session(relay, binding), *offer, picked=picked)


@on_a_relay()
async def extensions_are_ignored_and_double_ones_refused(relay):
    for binding in BINDINGS:
        peer = await dial_session(relay, binding)
        stream = peer.bidi(b"\0\1" + varint(V02, 8) + b"\1\0\1\3")
        await stream.has(varint(V02, 8) + b"\0", "SESSION_SERVER")
        peer = await dial_session(relay, binding)
        peer.bidi(b"\0\1" + varint(V02, 8) + b"\2\7\1\3\7\1\4")
        await peer.closed(DECODE, "a session with a double extension")


@on_a_relay()
async def no_common_version_is_code_9(relay):
    for binding in BINDINGS:
        peer = await dial_session(relay, binding)
        stream = peer.bidi(hello(0xFF0BAD99))
        await peer.closed(VERSION)
        check(stream.reset_code in (None, VERSION), f"code of the session stream: {stream.state()}")


@on_a_relay()
async def the_end_of_the_session_stream_is_the_end_of_the_session(relay):
    for binding in BINDINGS:
        peer = await connect(relay, binding)
        peer.session.end()
        await peer.session.until(lambda s: s.is_ended or peer.ended, "FIN back")
        await peer.closed(CANCELLED)
        for act in (lambda s: s.reset(0), lambda s: s.stop(0)):
            peer = await connect(relay, binding)
            act(peer.session)
            await peer.closed(CANCELLED)


@on_a_relay()
async def session_updates_are_read_and_ignored(relay):
    for binding, version in EVERYBODY:
        peer = await connect(relay, binding, version)
        for byte in varint(5_000_000) + varint(0) + varint(WORST):
            peer.session.send(bytes([byte]))
        await peer.ping()
        check(not peer.ended, "a SESSION_UPDATE ended the session")


# ---- Announcements -----------------------------------------------------------------------------------------------

@kinds
async def announcements_come_with_their_suffix_and_live_but_on_02(relay, binding, version):
    source, viewer = await connect(relay, binding, version), await connect(relay, binding, version)
    await publish(source, ("demo", "bbb", "1736899200000"), ("demo", "bbb"), ("else",))
    live = b"" if version == V02 else varint(LIVE)

    asked = viewer.bidi(announce_please("demo", "bbb"))
    itself, instance = bytes.fromhex("0100"), bytes.fromhex("01010d31373336383939323030303030")
    await asked.until(lambda s: len(s.data) >= len(itself + instance + live), "announcements under demo/bbb")
    burst = asked.data
    check(burst in (itself + instance + live, instance + itself + live), f"announcements under demo/bbb: {burst.hex()}")
    source.asked.send(announce(ENDED, "demo", "bbb"))
    await asked.has(burst + b"\0\0", "an end")

    nobody = viewer.bidi(announce_please("nobody"))
    if version in WITH_LIVE:
        await nobody.has(live, "Live without announcements")
    source.asked.send(announce(ACTIVE, "nobody", ""))
    await nobody.has(live + bytes.fromhex("01 01 00"), "an empty part")
    nobody.end()
    await nobody.ended(live + bytes.fromhex("01 01 00"), "an announce stream that the asker finished")
    asked.cancel()
    await asked.was_reset(CANCELLED, "an announce stream that the asker cancelled")


@kinds
async def a_publisher_is_not_told_its_own_paths_and_its_end_is_told(relay, binding, version):
    source, viewer = await connect(relay, binding, version), await connect(relay, binding, version)
    await publish(source, ("a", "b"))
    mine, all_of_it = source.bidi(announce_please()), viewer.bidi(announce_please())
    live = b"" if version == V02 else varint(LIVE)
    await all_of_it.has(bytes.fromhex("01 02 01 61 01 62") + live)
    await source.ping()
    check_equal(mine.data, live, "what a publisher is told of itself")
    source.asked.end()
    await all_of_it.has(bytes.fromhex("01 02 01 61 01 62") + live + bytes.fromhex("00 02 01 61 01 62"), "after the publisher's FIN")
    watching = viewer.bidi(subscribe(version, 0, ("none",), first=0))
    await watching.refused(NOT_FOUND, "SUBSCRIBE for what nobody has", 12)


# ---- Subscriptions -----------------------------------------------------------------------------------------------

@kinds
async def groups_go_through_byte_for_byte(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version, priority=130, order=1)
    check_equal(asked.name, ("live", "it"), "path of the upstream SUBSCRIBE")
    check_equal(asked.priority, 130, "priority of the upstream SUBSCRIBE")
    check_equal(watching.stream.data.hex(), info(version, 130, 1, 0, 0).hex(), "INFO")

    for sequence, frames in ((42, (b"hello", b"", b"abc")), (43, ()), (44, (b"",)), (45, (b"x" * 70000,))):
        asked.group(sequence, *frames)
        stream, got, rest = await watching.next()
        check_equal(got, sequence, "sequence")
        body = b"".join(frame(f) for f in frames)
        await stream.ended(group(watching.number, sequence) + body, f"group {sequence}")
    watching.stream.end()
    await watching.stream.ended(words="a subscription that the viewer finished")


@kinds
async def info_echoes_priority_and_order_and_names_the_latest(relay, binding, version):
    source, first, asked = await pair(relay, binding, version)
    asked.group(42, b"hello")
    await first.next()
    for priority, order in ((127, 0), (130, 1), (0, 1), (255, 0), (63, 2)):
        viewer = await connect(relay, binding, version)
        watching = await watch(viewer, ("live", "it"), priority=priority, order=order)
        check_equal(watching.stream.data.hex(), info(version, priority, order, 0, 42).hex(), "INFO")
        stream, sequence, _ = await watching.next()
        check_equal(sequence, 42, "where a late viewer begins")
        viewer.leave()


@kinds
async def bytes_go_on_before_their_frame_is_whole(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    stream = asked.peer.uni(group(asked.number, 7) + varint(10) + b"half")
    out, sequence, rest = await watching.next()
    head = group(watching.number, 7)
    await out.has(head + varint(10) + b"half", "half a frame")
    late = await watch(await connect(relay, binding, version), ("live", "it"))
    late_out, _, _ = await late.next()
    await late_out.has(group(late.number, 7) + varint(10) + b"half", "half a frame for a late viewer")
    stream.send(b"whole!" + frame(b"next"), True)
    for each, number in ((out, watching.number), (late_out, late.number)):
        await each.ended(group(number, 7) + varint(10) + b"halfwhole!" + frame(b"next"), "the whole group")


@kinds
async def every_byte_may_come_alone(relay, binding, version):
    source, viewer = await connect(relay, binding, version), await connect(relay, binding, version)
    for byte in announce(ACTIVE, "live", "it"):
        source.asked.send(bytes([byte]))
        await asyncio.sleep(0)
    await source.ping()
    watching = viewer.bidi()
    for byte in subscribe(version, 3, ("live", "it"), 130, 1):
        watching.send(bytes([byte]))
        await asyncio.sleep(0)
    asked = await subscription(source)
    await watching.has(info(version, 130))
    stream = source.uni()
    body = frame(b"hello") + frame(b"") + frame(b"abc")
    for byte in group(asked.number, 20000) + body:
        stream.send(bytes([byte]))
        await asyncio.sleep(0)
    stream.end()
    out = await viewer.group()
    await out.ended(group(3, 20000) + body, "a group")


@kinds
async def long_forms_of_numbers_are_read(relay, binding, version):
    source, viewer = await connect(relay, binding, version), await connect(relay, binding, version)
    long_path = varint(2, 8) + varint(4, 4) + b"live" + varint(2, 2) + b"it"
    source.asked.send(varint(1, 8 if version == V03 else 0) + long_path)
    await source.ping()
    priority = varint(130, 8) if version == V03 else b"\x82"
    rest = varint(1, 4) + (b"" if version == V04 else varint(0, 8)) + varint(0, 2) + varint(0, 4)
    watching = viewer.bidi(varint(2, 8) + varint(9, 8) + long_path + priority + rest)
    await watching.has(info(version, 130))
    asked = await subscription(source)
    source.uni(varint(0, 8) + varint(asked.number, 8) + varint(5, 8) + varint(2, 8) + b"ok", True)
    out = await viewer.group()
    await out.ended(group(9, 5) + varint(2, 8) + b"ok", "a group in long forms")


@kinds
async def ranges_end_with_fin_and_what_is_gone_is_a_gap(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    for sequence in (10, 11, 12):
        asked.group(sequence, b"x")
        await (await watching.next())[0].ended()
    viewer = await connect(relay, binding, version)
    range_of = await watch(viewer, ("live", "it"), first=5, last=12)
    range_of.info = info(version, latest=12)
    check_equal(range_of.stream.data[:len(range_of.info)].hex(), range_of.info.hex(), "INFO")
    await range_of.stream.until(lambda s: s.is_ended, "FIN after the last group of a range")
    seen = set()
    for stream in [s for s in viewer.arrived if s.is_uni]:
        await stream.ended()
        seen.add(range_of.split(stream)[0])
    check({11, 12} <= seen <= {10, 11, 12}, f"groups {seen} of a cache of two")
    reader = Reader(range_of.stream.data[len(range_of.info):])
    missing = set()
    while reader.rest():
        first, more, code = reader.varint(), reader.varint(), reader.varint()
        check_equal(code, NOT_FOUND, "code of a GAP")
        missing |= set(range(first, first + more + 1))
    check_equal(seen | missing, set(range(5, 13)), "groups and gaps")
    check(not seen & missing, f"{seen & missing} came and are a gap too")

    turned = viewer.bidi(subscribe(version, 77, ("live", "it"), first=9, last=8))
    await turned.refused(PROTOCOL, "a range whose end is before its beginning")


@kinds
async def sequences_may_jump_to_the_end_of_numbers(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    for sequence in (0, 1, 1 << 30, WORST - 1, WORST):
        asked.group(sequence, b"x")
        stream, got, _ = await watching.next()
        check_equal(got, sequence, "sequence")
        await stream.ended()
    await source.ping()
    asked.group(5, b"old")
    await source.ping()
    check(not source.ended and not watching.peer.ended, "a jump broke a session")


@kinds
async def fin_in_a_frame_is_a_reset_and_a_gap_of_code_14(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    before = len(watching.stream.data)
    asked.peer.uni(group(asked.number, 3) + varint(100) + b"cut", True)
    out = await watching.peer.group()
    await out.was_reset(WRONG_SIZE, "a group cut in a frame")
    await watching.stream.until(lambda s: s.data[before:] == gap(3, 0, WRONG_SIZE), f"GAP 14, but {watching.stream.data.hex()}")
    asked.group(4, b"next")
    out, sequence, _ = await watching.next()
    check_equal(sequence, 4, "the group after a cut one")


@kinds
async def a_reset_group_is_a_reset_and_a_gap(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    before = len(watching.stream.data)
    stream = asked.peer.uni(group(asked.number, 3) + frame(b"whole"))
    out, _, _ = await watching.next()
    await out.has(group(watching.number, 3) + frame(b"whole"))
    stream.reset(64)
    await out.until(lambda s: s.is_over, "the end of a reset group")
    check(out.reset_raw is not None, f"a reset group ended like a whole one: {out.state()}")
    await watching.stream.until(lambda s: len(s.data) > before, "GAP")
    check_equal(watching.stream.data[before:before + 2], varint(3) + varint(0), "GAP")


@kinds
async def viewers_leave_by_fin_by_reset_and_by_stop_sending(relay, binding, version):
    source, staying, asked = await pair(relay, binding, version)
    viewer = await connect(relay, binding, version)
    for act in (lambda s: s.end(), lambda s: s.reset(), lambda s: s.stop(), lambda s: s.cancel()):
        watching = await watch(viewer, ("live", "it"))
        check(relay.stats()["viewers"] == 2, "the second viewer is not counted")
        act(watching.stream)
        await watching.stream.until(lambda s: s.is_over, "the relay's end of the stream")
        await viewer.ping()
        check_equal(relay.stats()["viewers"], 1, "viewers after one left")
    asked.group(1, b"x")
    await (await staying.next())[0].ended()
    await viewer.ping()
    check(not any(s.is_uni and s.data for s in viewer.arrived), "a group came after the viewer left")


@on_a_relay()
async def without_viewers_the_relay_leaves_by_reset_and_stop_sending(relay):
    pairs = [await pair(relay, binding, version, (binding, str(version))) for binding, version in EVERYBODY]
    for _, watching, _ in pairs:
        watching.stream.cancel()
    for _, _, asked in pairs:
        await asked.stream.until(lambda s: s.is_over and s.stop_raw is not None, "RESET and STOP_SENDING upstream")


@kinds
async def a_group_that_is_stopped_is_a_gap_and_the_next_comes(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    before = len(watching.stream.data)
    stream = asked.peer.uni(group(asked.number, 3) + frame(b"one"))
    out, _, _ = await watching.next()
    out.stop(0)
    await out.until(lambda s: s.is_over, "reset of a stopped group")
    await watching.stream.until(lambda s: s.data[before:] == gap(3, 0, 0), "GAP of a stopped group")
    stream.end()
    asked.group(4, b"two")
    check_equal((await watching.next())[1], 4, "the next group")


@kinds
async def updates_shrink_the_range_and_turn_the_order(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    asked.group(1, b"x")
    await watching.next()
    watching.stream.send(subscribe_update(version, 200, 0, 0, None, 2))
    await watching.peer.ping()
    asked.group(2, b"x")
    stream, sequence, _ = await watching.next()
    check_equal(sequence, 2, "a group in the new range")
    await stream.ended()
    await watching.stream.until(lambda s: s.is_ended, "FIN after the new end")


@on_a_relay()
async def an_update_of_02_may_have_four_fields_at_fin(relay):
    for binding in BINDINGS:
        source, watching, asked = await pair(relay, binding, V02, (binding,))
        watching.stream.send(bytes.fromhex("4082010000"), True)
        await watching.stream.ended(words="a subscription after an update of four fields")
        again = await watch(watching.peer, (binding,))
        again.stream.send(bytes.fromhex("408201"), True)
        await again.stream.refused(DECODE, "an update of two fields")


@kinds
async def a_track_that_its_publisher_ends_is_ended_and_one_that_fails_is_reset(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    asked.group(1, b"x")
    await (await watching.next())[0].ended()
    asked.stream.end()
    await watching.stream.until(lambda s: s.is_over, "the end of the track")
    check(watching.stream.is_ended, f"the end of the track is not FIN: {watching.stream.state()}")
    await watching.peer.ping()
    again = await watch(watching.peer, ("live", "it"))
    asked = await subscription(source)
    asked.stream.reset(4)
    await again.stream.until(lambda s: s.is_over, "the failure of the track")
    check(again.stream.reset_raw is not None, f"a track that failed ended in order: {again.stream.state()}")


@kinds_on(limits_idle="10m")  # nothing but the CLOSE can tell
async def a_publisher_that_vanishes_by_close_is_told_at_once(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    asked.peer.uni(group(asked.number, 1) + varint(10) + b"half")
    out, _, _ = await watching.next()
    source.leave()
    await watching.stream.until(lambda s: s.is_over, "news of the publisher's end")
    check(watching.stream.reset_raw is not None, "a lost publisher looks like an end")
    await out.until(lambda s: s.is_over, "the end of the half group")
    check(out.reset_raw is not None, "half a group looks whole")


@kinds
async def double_ids_and_doubled_paths_are_refused(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    double = watching.peer.bidi(subscribe(version, watching.number, ("live", "it")))
    await double.refused(DUPLICATE, "a second subscription of one id")
    source.asked.send(announce(ACTIVE, "live", "it"))
    await source.ping()
    asked.group(1, b"x")
    await watching.next()
    source.asked.send(announce(ENDED, "unknown"))
    await source.ping()
    check(not source.ended, "the end of an unknown path ended the session")


@kinds
async def groups_of_unknown_subscriptions_are_stopped_not_more(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    stray = source.uni(group(4000, 0) + frame(b"x"))
    await stray.refused(CANCELLED, "a group of no subscription")
    asked.group(1, b"x")
    await watching.next()


# ---- FETCH and INFO ----------------------------------------------------------------------------------------------

@kinds
async def fetch_gives_the_rest_of_a_group(relay, binding, version):
    source, watching, asked = await pair(relay, binding, version)
    body = frame(b"hello") + frame(b"") + frame(b"abc")
    asked.group(42, b"hello", b"", b"abc")
    await (await watching.next())[0].ended()
    viewer, name = watching.peer, ("live", "it")
    offsets = ((0, 0), (1, 6), (2, 7), (3, 11)) if version == V03 else ((0, 0), (6, 6), (3, 3), (11, 11))
    for offset, at in offsets:
        answer = viewer.bidi(fetch(version, name, 130, 42, offset), True)
        await answer.ended(body[at:], f"FETCH from {offset}")
    past = viewer.bidi(fetch(version, name, 130, 42, 12), True)
    await past.refused(BOUNDS, "FETCH after the end")
    for missing in (fetch(version, ("none",), 130, 0, 0), ):
        answer = viewer.bidi(missing, True)
        await answer.refused(NOT_FOUND, "FETCH of nothing", 12)

    growing = asked.peer.uni(group(asked.number, 43) + frame(b"one"))
    await watching.next()
    answer = viewer.bidi(fetch(version, name, 130, 43, 0))
    await answer.has(frame(b"one"), "a growing group")
    answer.send(varint(200))
    growing.send(frame(b"two"), True)
    await answer.ended(frame(b"one") + frame(b"two"), "a growing group")


@kinds
async def info_is_answered_from_the_track_or_from_its_publisher(relay, binding, version):
    source, viewer = await connect(relay, binding, version), await connect(relay, binding, version)
    await publish(source, ("live", "it"))
    answer = viewer.bidi(info_please("live", "it"), True)
    if version == V03:  # others may be programs that the question breaks
        asked = await source.request()
        await asked.has(info_please("live", "it"), "INFO_PLEASE upstream")
        asked.send(info(version, 130, 2, 70, 41), True)
        await answer.ended(info(version, 130, 2, 70, 41), "INFO of the publisher")
    else:
        await answer.ended(info(version), "INFO of a publisher that cannot be asked")
    missing = viewer.bidi(info_please("none"), True)
    await missing.refused(NOT_FOUND, "INFO of nothing", 12)


# ---- Priority ----------------------------------------------------------------------------------------------------

@on_a_relay()
async def the_more_important_track_goes_first_on_a_narrow_path(relay):
    for version in VERSIONS:
        source = await connect(relay, "moqf", version)
        await publish(source, ("low",), ("high",))
        viewer = await connect(relay, "moqf", version, is_lazy=True, max_data=60_000)
        low, high = await watch(viewer, ("low",), priority=100), await watch(viewer, ("high",), priority=200)
        asked = {a.name: a for a in (await subscription(source), await subscription(source))}
        feeds = {name: source.uni(group(asked[name].number, 1)) for name in (("low",), ("high",))}
        feeds[("low",)].send(frame(b"l" * 200_000))
        await viewer.until(lambda: viewer._quic._local_max_data.used >= 60_000, "the path to be full")
        feeds[("high",)].send(frame(b"h" * 200_000))
        await source.ping()
        await source.ping()
        viewer._quic._local_max_data.value = 160_000
        viewer._quic.is_lazy = False
        viewer._quic._local_max_data.sent = 60_000
        viewer.transmit()
        viewer._quic.is_lazy = True
        await viewer.until(lambda: viewer._quic._local_max_data.used >= 159_000, "more")
        got = {}
        for stream in [s for s in viewer.arrived if s.is_uni]:
            reader = Reader(stream.data)
            reader.varint()
            got[reader.varint()] = len(stream.data)
        check(got.get(high.number, 0) > 90_000, f"bytes per subscription with low {low.number} before high {high.number}: {got}")
        everybody_leaves()
        await settle(relay)


TESTS = [the_version_is_chosen_03_before_02_before_04, extensions_are_ignored_and_double_ones_refused, no_common_version_is_code_9,
         the_end_of_the_session_stream_is_the_end_of_the_session, session_updates_are_read_and_ignored,
         announcements_come_with_their_suffix_and_live_but_on_02, a_publisher_is_not_told_its_own_paths_and_its_end_is_told,
         groups_go_through_byte_for_byte, info_echoes_priority_and_order_and_names_the_latest,
         bytes_go_on_before_their_frame_is_whole, every_byte_may_come_alone, long_forms_of_numbers_are_read,
         ranges_end_with_fin_and_what_is_gone_is_a_gap, sequences_may_jump_to_the_end_of_numbers,
         fin_in_a_frame_is_a_reset_and_a_gap_of_code_14, a_reset_group_is_a_reset_and_a_gap,
         viewers_leave_by_fin_by_reset_and_by_stop_sending, without_viewers_the_relay_leaves_by_reset_and_stop_sending,
         a_group_that_is_stopped_is_a_gap_and_the_next_comes, updates_shrink_the_range_and_turn_the_order, an_update_of_02_may_have_four_fields_at_fin,
         a_track_that_its_publisher_ends_is_ended_and_one_that_fails_is_reset, a_publisher_that_vanishes_by_close_is_told_at_once,
         double_ids_and_doubled_paths_are_refused, groups_of_unknown_subscriptions_are_stopped_not_more,
         fetch_gives_the_rest_of_a_group, info_is_answered_from_the_track_or_from_its_publisher,
         the_more_important_track_goes_first_on_a_narrow_path]
