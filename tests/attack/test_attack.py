# SPDX-License-Identifier: MIT OR Apache-2.0
"""A hostile peer within transfork: lies, floods, readers that do not read, and chance. Beside it a bystander watches, and
afterwards the relay has to be as before."""

import random

from bystander import *


# ---- Messages ----------------------------------------------------------------------------------------------------

def messages(version, name=("by", "stander")):
    return (announce_please(*name), announce_please(), subscribe(version, 900, name, 130, 1, 3000, 5, 9), subscribe(version, 901, name),
            fetch(version, name, 130, 1 << 20, 1 << 40), info_please(*name), group(0, 1 << 61))


@beside_a_bystander()
async def every_message_cut_at_every_byte_costs_its_stream(relay):
    for binding in BINDINGS:
        for version in VERSIONS:
            peer = await connect(relay, binding, version)
            for message in messages(version):
                is_uni = message[0] == 0
                open_one = peer.uni if is_uni else peer.bidi
                streams = [open_one(message[:size], True) for size in range(0 if binding == "h3" else 1, len(message))]
                for size, stream in enumerate(streams):
                    if is_uni:
                        continue  # it has ended: nobody is left to tell
                    await stream.refused(DECODE, f"{message.hex()} without its last {len(streams) - size} bytes")
            await peer.ping()
            for message in messages(version):  # and without an end, given up by reset
                for size in range(1, len(message)):
                    (peer.uni if message[0] == 0 else peer.bidi)(message[:size]).reset(size)
            await peer.ping()
            peer.leave()


@beside_a_bystander()
async def greetings_cut_at_every_byte_end_the_session(relay):
    greeting = hello(V04, V02)
    for binding in BINDINGS:
        peers = [await dial_session(relay, binding) for _ in range(1, len(greeting))]
        for size, peer in enumerate(peers, 1):
            peer.bidi(greeting[:size], True)
        for size, peer in enumerate(peers, 1):
            await peer.closed(DECODE, f"a session whose greeting ends after {size} bytes")


@beside_a_bystander()
async def numbers_that_lie_are_refused(relay):
    for version in VERSIONS:
        for binding in BINDINGS:
            peer = await connect(relay, binding, version)
            huge = varint(WORST)
            for words, data, codes in (
                    ("2^62 parts", b"\1" + huge, (BOUNDS,)), ("a part of 2^62 bytes", b"\1\1" + huge + b"x", (BOUNDS,)),
                    ("33 parts", announce_please(*["x"] * 33), (BOUNDS,)), ("1,024 bytes", announce_please("x" * 512, "y" * 512), (BOUNDS,)),
                    ("SUBSCRIBE of 33 parts", subscribe(version, 1, ["x"] * 33), (BOUNDS,)),
                    ("SUBSCRIBE of 1,024 bytes", subscribe(version, 2, ["x" * 1024]), (BOUNDS,)),
                    ("SUBSCRIBE of no part", subscribe(version, 3, []), (BOUNDS, DECODE)),
                    ("FETCH of 2^62 parts", b"\3" + huge, (BOUNDS,)), ("INFO of a long path", info_please("x" * 5000), (BOUNDS,)),
                    ("order 3", subscribe(version, 4, ("a",), order=3), (DECODE,)),
                    ("order 2^62", subscribe(version, 5, ("a",), order=WORST), (DECODE,)),
                    ("type 5", varint(5) + b"x", (DECODE,)), ("type 2^62", huge, (DECODE,)), ("type 0x40", varint(0x40), (DECODE,)),
                    ("a second greeting", hello(version), (UNEXPECTED_STREAM,))):
                stream = peer.bidi(data)
                await stream.until(lambda s: s.is_over, f"refusal of {words}")
                check(stream.reset_code in codes, f"{words}: {stream.state()} code {stream.reset_code}")
                check_equal(stream.stop_code, stream.reset_code, f"STOP_SENDING for {words}")
            for kind in (1, 2, 5, 0x40, WORST):
                await peer.uni(varint(kind) + b"xx").refused(DECODE, f"unidirectional type {kind}")
            answer = peer.bidi(announce_please(*["x" * 31] * 31, "y" * 62))
            await peer.ping()
            check(answer.reset_raw is None, f"32 parts and 1,023 bytes are refused: {answer.state()}")
            peer.leave()


@beside_a_bystander()
async def greetings_that_lie_are_refused(relay):
    for binding in BINDINGS:
        for data in (b"\0" + varint(WORST), b"\0" + varint(65) + varint(V02, 8) * 65, b"\0\1" + varint(V02, 8) + varint(WORST),
                     b"\0\1" + varint(V02, 8) + b"\1\1" + varint(1 << 60), b"\0\0\0", b"\0\1" + varint(V02, 8) + varint(70) + b"\1\0" * 70):
            peer = await dial_session(relay, binding)
            peer.bidi(data)
            await peer.until(lambda: peer.ended, f"end of the session of {data[:24].hex()}", 7)


@beside_a_bystander()
async def frames_that_lie_cost_their_group(relay):
    for version in VERSIONS:
        source, viewer = await connect(relay, "moqf", version), await connect(relay, "h3", version)
        await publish(source, ("lies",))
        watching = await watch(viewer, ("lies",))
        asked = await subscription(source)
        for number, size in enumerate((1 << 60, WORST, (16 << 20) + 1)):
            stream = source.uni(group(asked.number, number) + frame(b"fine") + varint(size) + b"x" * 5000)
            await stream.refused(BOUNDS, f"a frame of {size} bytes")
            out = await viewer.group()
            await out.until(lambda s: s.reset_raw is not None, "reset of a group with a frame that lies")
        asked.group(10, b"true")
        while (stream := await viewer.group()).is_ended is False and stream.reset_raw is not None:
            pass
        everybody_of(source, viewer)


def everybody_of(*peers):
    for peer in peers:
        peer.leave()


@beside_a_bystander()
async def the_string_dialect_is_refused_with_words(relay):
    name = b"/demo/bbb/1736899200000/video1.karp"
    for binding in BINDINGS:
        for message in (b"\1" + text("/demo/bbb/*/catalog.json"), b"\2\1" + text(name) + b"\x82\1\0\0"):
            peer = await connect(relay, binding, V04)
            peer.bidi(message)
            await peer.closed(VERSION, f"a session that speaks {message[:8].hex()}")
        peer = await connect(relay, binding, V04)
        peer.asked.send(bytes.fromhex("01242f64656d6f2f6262622f313733363839393230303030302f636174616c6f672e6a736f6e"))
        await peer.closed(VERSION, "a publisher that announces strings")


# ---- Floods ------------------------------------------------------------------------------------------------------

@beside_a_bystander(limits_subscriptions=20, limits_announces=5)
async def subscriptions_and_questions_have_limits(relay):
    for binding in BINDINGS:
        peer = await connect(relay, binding)
        streams = [peer.bidi(subscribe(V02, n, ("by", "stander"))) for n in range(60)]
        await peer.until(lambda: sum(s.reset_code == BOUNDS for s in streams) == 40, "refusal of 40 of 60 subscriptions")
        check_equal(relay.stats()["viewers"], 21, "viewers with a limit of 20 and a bystander")
        questions = [peer.bidi(announce_please("n%d" % n)) for n in range(9)]
        await peer.until(lambda: sum(s.reset_code == BOUNDS for s in questions) == 4, "refusal of 4 of 9 questions")
        streams[0].cancel()
        await peer.ping()
        await (peer.bidi(subscribe(V02, 99, ("by", "stander")))).until(lambda s: s.data, "INFO for one more after one less")
        peer.leave()


@beside_a_bystander(limits_waiting=30, limits_wait="10s")
async def requests_for_nothing_wait_in_a_bounded_room(relay):
    peer = await connect(relay)
    streams = [peer.bidi(subscribe(V02, n, ("none%d" % n,))) for n in range(200)]
    await peer.until(lambda: sum(s.reset_raw is not None for s in streams) == 170, "refusal of 170 of 200 requests", 8,
                     lambda: relay.stats()["requests_waiting"])
    check_equal(relay.stats()["requests_waiting"], 30, "requests that wait")
    peer.leave()


@beside_a_bystander(grows=24 * 1024)
async def ten_thousand_paths_and_one_more_are_too_many(relay):
    source, viewer = await connect(relay, "moqf", V03), await connect(relay, "h3", V03)
    asked = viewer.bidi(announce_please("flood"))
    await asked.until(lambda s: s.data, "Live")
    for turn in range(100):
        source.asked.send(b"".join(announce(ACTIVE, "flood", "%06d" % n) for n in range(turn * 100, turn * 100 + 100)))
        await pause(turn, 4)
    await until_told(lambda: relay.stats()["announcements"] >= 10001, "10,001 announcements")
    await asked.until(lambda s: len(s.data) == 1 + 10000 * 9, "10,000 announcements", 10)
    source.asked.send(announce(ACTIVE, "flood", "more"))
    await source.asked.until(lambda s: s.stop_code == BOUNDS, "refusal of one more", 5)
    await asked.until(lambda s: len(s.data) == 1 + 20000 * 9, "the end of all", 10)
    everybody_of(source, viewer)


@beside_a_bystander(grows=16 * 1024)
async def paths_that_blink_are_told_as_differences(relay):
    """An asker who does not read has to cost a bounded amount."""
    source, viewer = await connect(relay), await connect(relay, "moqf", V03, is_lazy=True, max_stream_data=2000)
    asked = viewer.bidi(announce_please())
    for turn in range(4000):
        source.asked.send(b"".join(announce(status, "b" * 200, "%d" % n) for n in range(4) for status in (ACTIVE, ENDED)))
        await pause(turn, 8)
    await source.ping(20)
    check(not viewer.ended or asked.is_over, "the asker is gone without a word")
    everybody_of(source, viewer)


@beside_a_bystander()
async def streams_opened_and_reset_at_once_are_forgotten(relay):
    for binding in BINDINGS:
        peer = await connect(relay, binding)
        for turn in range(1500):
            message = messages(V02)[turn % 7]
            if message[0] == 2:
                message = subscribe(V02, 1000 + turn, ("by", "stander"))
            await peer.credit(message[0] == 0)
            stream = (peer.uni if message[0] == 0 else peer.bidi)(message)
            (stream.reset if message[0] == 0 or turn % 3 else stream.cancel)(turn % 20)
            await pause(turn, 32)
            if peer.ended:
                break  # enough is enough, the relay may say
        if not peer.ended:
            await peer.ping(20)
        peer.leave()
    check_equal(relay.stats()["viewers"], 1, "viewers when only the bystander is left")


@beside_a_bystander()
async def subscribing_and_leaving_in_circles_costs_one_upstream_request(relay):
    source, peer = await connect(relay), await connect(relay, "h3")
    await publish(source, ("round",))
    before = relay.stats()["upstream_subscriptions_total"]
    for turn in range(600):
        watching = peer.bidi(subscribe(V02, turn, ("round",), priority=turn % 256, first=turn % 3 or None))
        if turn % 4 == 0:
            await watching.until(lambda s: s.data or s.is_over, "INFO")
        (watching.end, watching.reset, watching.stop, watching.cancel)[turn % 4 if turn % 4 < 2 or watching.raw else 1]()
    await peer.ping(20)
    used = relay.stats()["upstream_subscriptions_total"] - before
    check(used <= 4, f"{used} subscriptions upstream for one track")
    everybody_of(source, peer)


@beside_a_bystander()
async def updates_by_the_thousand_are_one_wish(relay):
    source, peer = await connect(relay, "moqf", V03), await connect(relay, "h3", V03)
    await publish(source, ("round",))
    watching = await watch(peer, ("round",))
    asked = await subscription(source)
    for turn in range(3000):
        watching.stream.send(subscribe_update(V03, turn % 256, turn % 3))
        await pause(turn, 32)
    await peer.ping(20)
    await source.ping(20)
    check(not asked.stream.is_over, "the publisher lost its subscription")
    watching.stream.send(subscribe_update(V03, WORST, 1))
    await peer.ping()
    watching.stream.send(subscribe_update(V03, 1, 1, WORST, WORST - 1, WORST - 1))
    await peer.ping()
    everybody_of(source, peer)


@beside_a_bystander()
async def groups_that_are_stopped_as_they_come_are_gaps(relay):
    source, peer = await connect(relay), await connect(relay, "h3")
    await publish(source, ("stopped",))
    watching = await watch(peer, ("stopped",))
    asked = await subscription(source)
    for sequence in range(400):
        await source.credit(True)
        stream = asked.group(sequence, b"x" * 100, end=sequence % 2 == 0)
        out = await peer.group()
        if sequence % 2:
            out.stop(sequence % 40)
            stream.end()
    await watching.stream.until(lambda s: s.data.endswith(gap(399, 0, 0)) or s.is_over, "the last GAP")
    check(not watching.stream.is_over, f"the subscription ended: {watching.stream.state()}")
    everybody_of(source, peer)


# ---- Readers that do not read ------------------------------------------------------------------------------------

@beside_a_bystander(cache_track_bytes="1MiB")
async def viewers_that_read_nothing_cost_a_bounded_amount(relay):
    source = await connect(relay)
    await publish(source, ("fat",))
    for n in range(6):
        peer = await connect(relay, BINDINGS[n % 2], is_lazy=True, max_data=40_000, max_stream_data=20_000)
        for _ in range(3):
            Watching(peer, ("fat",))
    asked = await subscription(source)
    for sequence in range(40):
        asked.group(sequence, *[b"f" * 60_000] * 4)
        await source.ping(20)
    while any(number % 4 == 2 for number in source._quic._streams):  # until the relay has all of it
        await source.ping(20)
    check(relay.stats()["cache_bytes"] <= 3 << 20, f"cache of {relay.stats()['cache_bytes']} bytes")


@beside_a_bystander(grows=10 * 1024, cache_track_bytes="1MiB", limits_idle="10m")
async def viewers_that_fall_silent_cost_a_bounded_amount(relay):
    """Nothing is acknowledged any more, and nobody says goodbye."""
    source = await connect(relay)
    await publish(source, ("fat",))
    peers = [await connect(relay, BINDINGS[n % 2]) for n in range(10)]
    for peer in peers:
        await watch(peer, ("fat",))
    asked = await subscription(source)
    for peer in peers:
        peer.fall_silent()
    for sequence in range(40):
        asked.group(sequence, *[b"f" * 60_000] * 4)
        await source.ping(20)
    while any(number % 4 == 2 for number in source._quic._streams):
        await source.ping(20)
    check_equal(relay.stats()["viewers"], 11, "viewers, ten of them silent")
    everybody_of(source, *peers)


@beside_a_bystander()
async def open_groups_without_end_are_limited_for_a_viewer(relay):
    source, peer = await connect(relay), await connect(relay, "h3")
    await publish(source, ("open",))
    watching = await watch(peer, ("open",), order=0)
    asked = await subscription(source)
    for sequence in range(200):
        asked.group(sequence, b"x" * 50, end=False)
        await pause(sequence, 8)
    await source.ping()
    await peer.ping()
    await peer.until(lambda: sum(s.is_uni and not s.is_over for s in peer.arrived) <= 16, "end of all groups but 16")
    everybody_of(source, peer)


# ---- Chance ------------------------------------------------------------------------------------------------------

def some_bytes(chance, version):
    """A message, or a message that something happened to."""
    names = (("by", "stander"), ("a",), ("a", "b"), (), ("a",) * 32, ("",))
    number = chance.choice((0, 1, 2, 3, 63, 64, WORST))
    name = chance.choice(names)
    edges = (None, 0, 1, 5, 1000, WORST - 1)
    data = chance.choice((
        lambda: hello(*chance.sample(VERSIONS, 2)), lambda: announce_please(*name),
        lambda: subscribe(version, number, name, chance.randrange(256), chance.randrange(3), chance.choice((0, 1, WORST)),
                          chance.choice(edges), chance.choice(edges)),
        lambda: fetch(version, name, chance.randrange(256), number, chance.choice((0, 1, WORST))), lambda: info_please(*name),
        lambda: group(number, chance.choice((0, 1, 7, WORST))) + frame(b"f" * chance.choice((0, 1, 5000))) * 3,
        lambda: chance.randbytes(chance.randrange(1, 60))))()
    if chance.random() < 0.3:
        data = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x3F, 0x40, 0x7F, 0xBF, 0xC0, 0xFF, chance.randrange(256)))
    if chance.random() < 0.3:
        data = data[:chance.randrange(len(data) + 1)]
    return bytes(data)


def answer_of(chance, version):
    """What a publisher might say, or something else."""
    return chance.choice((info(version), gap(0, 0, 0), gap(5, 100, 4), gap(WORST, 0, 13), gap(0, WORST, 1), announce(ACTIVE, "a"),
                          announce(ENDED, "a"), announce(ACTIVE, "a", "b"), announce(ENDED, "a", "b"), announce(LIVE),
                          subscribe_update(version, 7, 1, 0, 1, 9), frame(b"abc"), chance.randbytes(9)))


async def walk(relay, seed, steps):
    """Does anything that a peer can do, in any order."""
    chance = random.Random(seed)
    version = VERSIONS[seed % 3]
    peer = await connect(relay, BINDINGS[seed % 2], version)
    own = []
    for step in range(steps):
        if peer.ended:
            return
        act = chance.randrange(10)
        arrived = [s for s in list(peer.arrived) if not s.is_uni] + [peer.asked]
        stream = chance.choice(own[-20:] + arrived[-20:]) if chance.random() < 0.7 and own else chance.choice(arrived)
        try:
            if act < 3:
                own.append((peer.uni if chance.random() < 0.3 else peer.bidi)(some_bytes(chance, version), chance.random() < 0.3))
            elif act < 6:
                stream.send(answer_of(chance, version), chance.random() < 0.1)
            elif act == 6:
                stream.end()
            elif act == 7:
                stream.reset(chance.randrange(20))
            elif act == 8 and not (stream.is_uni and stream in own):
                stream.stop(chance.randrange(20))
            else:
                await asyncio.sleep(chance.choice((0, 0.001, 0.005)))
        except (AssertionError, ValueError, RuntimeError):
            pass  # aioquic knows that this cannot be: the stream has ended
    if not peer.ended:  # who stays would be counted as growth
        peer.vanish() if chance.random() < 0.05 else peer.leave(chance.randrange(20))


@beside_a_bystander(limits_subscriptions=100)
async def whatever_peers_do_in_any_order_hurts_nobody(relay):
    first = int(os.environ.get("MOQ_SEED", "1"))
    for seed in range(first, first + (600 if LONG else 48), 6):
        await asyncio.gather(*(walk(relay, seed + n, 150) for n in range(6)))


TESTS = [every_message_cut_at_every_byte_costs_its_stream, greetings_cut_at_every_byte_end_the_session,
         numbers_that_lie_are_refused, greetings_that_lie_are_refused, frames_that_lie_cost_their_group,
         the_string_dialect_is_refused_with_words, subscriptions_and_questions_have_limits,
         requests_for_nothing_wait_in_a_bounded_room, ten_thousand_paths_and_one_more_are_too_many,
         paths_that_blink_are_told_as_differences, streams_opened_and_reset_at_once_are_forgotten,
         subscribing_and_leaving_in_circles_costs_one_upstream_request, updates_by_the_thousand_are_one_wish,
         groups_that_are_stopped_as_they_come_are_gaps, viewers_that_read_nothing_cost_a_bounded_amount,
         viewers_that_fall_silent_cost_a_bounded_amount, open_groups_without_end_are_limited_for_a_viewer,
         whatever_peers_do_in_any_order_hurts_nobody]
