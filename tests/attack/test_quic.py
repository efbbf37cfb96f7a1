# SPDX-License-Identifier: MIT OR Apache-2.0
"""A hostile peer below transfork: handshakes that nobody means, and frames that no stack sends. Beside it a bystander
watches."""

import contextlib
import dataclasses
import random
import socket as sockets

from bystander import *


# ---- Handshakes --------------------------------------------------------------------------------------------------

@beside_a_bystander()
async def a_wrong_alpn_is_an_alert(relay):
    for names in (["h2"], ["moqf-03"], ["moqf-0"], ["x" * 200], ["hq-interop", "h3-29"]):
        peer = await dial(relay, alpn=names, waits=False)
        await peer.until(lambda: peer.ended, f"an alert for {names}")
        check_equal(peer.ended.error_code, 0x100 + 120, f"alert for {names}")


@beside_a_bystander(limits_half_open_retry_at=20, limits_handshake="2s")
async def half_open_handshakes_switch_retry_on_and_people_still_get_in(relay):
    with sockets.socket(sockets.AF_INET6, sockets.SOCK_DGRAM) as udp:
        for turn in range(1500):
            quic = QuicConnection(configuration=QuicConfiguration(is_client=True, alpn_protocols=["moqf-02"]))
            if turn < 150:  # making one takes time, so most are the same with another name
                quic.connect(("::1", relay.port), now=0.0)
                hello_of = quic.datagrams_to_send(now=0.0)[0][0]
                udp.sendto(hello_of, ("::1", relay.port))
            else:
                udp.sendto(hello_of[:6] + bytes(random.Random(turn).randbytes(8)) + hello_of[14:], ("::1", relay.port))
            await pause(turn, 16)
        stats = relay.stats()["listeners"][0]
        check(stats["retries"] > 50, f"no Retry under load: {stats}")
        check(stats["half_open"] <= 20 + 5, f"half open: {stats}")
        peer = await connect(relay)
        await peer.ping()
        peer = await connect(relay, "h3")
        await peer.ping()


@beside_a_bystander()
async def garbage_that_looks_like_first_packets_switches_retry_on(relay):
    chance, turns = random.Random(5), 6000
    head = b"\xc3\0\0\0\x01\x08%b\x08%b\0\x44\x96"  # an Initial of version 1, without a token, of 1174 bytes
    with sockets.socket(sockets.AF_INET6, sockets.SOCK_DGRAM) as udp:
        for turn in range(turns):
            udp.sendto(head % (chance.randbytes(8), chance.randbytes(8)) + chance.randbytes(1174), ("::1", relay.port))
            await pause(turn, 16)
        stats = relay.stats()["listeners"][0]
        check(stats["accepted"] < turns / 4, f"garbage was accepted as connections: {stats}")
        check(stats["retries"] > stats["accepted"], f"no Retry under a flood: {stats}")
        for binding in ("moqf", "h3"):
            peer = await connect(relay, binding)
            await peer.ping()


@beside_a_bystander(limits_handshake="2s")
async def first_packets_cut_and_bent_are_dropped(relay):
    chance = random.Random(7)
    quic = QuicConnection(configuration=QuicConfiguration(is_client=True, alpn_protocols=["moqf-02"], server_name="localhost"))
    quic.connect(("::1", relay.port), now=0.0)
    whole = quic.datagrams_to_send(now=0.0)[0][0]
    with sockets.socket(sockets.AF_INET6, sockets.SOCK_DGRAM) as udp:
        for turn, size in enumerate(range(0, len(whole), 3)):
            udp.sendto(whole[:size], ("::1", relay.port))
            bent = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                bent[chance.randrange(60)] = chance.randrange(256)
            udp.sendto(bytes(bent), ("::1", relay.port))
            udp.sendto(whole[:600] + whole[:600], ("::1", relay.port))  # coalesced rubbish
            await pause(turn)
        # Tokens of other people, of all lengths.
        for size in (1, 2, 15, 16, 40, 64, 200, 1000):
            head = whole[:6 + 8 + 1 + 8]
            udp.sendto((head + varint(size) + chance.randbytes(size) + whole[24:])[:1200].ljust(1200, b"\0"), ("::1", relay.port))


async def count_answers(relay, datagrams):
    """Bytes that come back for each of these datagrams until the relay has given their senders up."""
    before = relay.stats()["listeners"][0]
    with contextlib.ExitStack() as stack:
        udps = [stack.enter_context(sockets.socket(sockets.AF_INET6, sockets.SOCK_DGRAM)) for _ in datagrams]
        for udp, data in zip(udps, datagrams):
            udp.setblocking(False)
            udp.sendto(data, ("::1", relay.port))

        def is_over():
            now = relay.stats()["listeners"][0]
            return now["accepted"] > before["accepted"] and now["half_open"] == 0

        await until_told(is_over, "the relay gives up who does not answer")
        return [count_bytes(udp) for udp in udps]


def count_bytes(udp):
    """Bytes of the datagrams that wait."""
    got = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            got += len(udp.recv(65535))
    return got


@beside_a_bystander(limits_handshake="2s")
async def a_sender_that_never_answers_gets_three_times_its_bytes_at_most(relay):
    chance = random.Random(11)
    for alpn in ("moqf-02", "h3", "nonsense"):
        quic = QuicConnection(configuration=QuicConfiguration(is_client=True, alpn_protocols=[alpn], server_name="localhost"))
        quic.connect(("::1", relay.port), now=0.0)
        first = quic.datagrams_to_send(now=0.0)[0][0]
        cases = ((3, first), (1, first[:1] + b"\x1a\x2a\x3a\x4a" + first[5:]), (1, b"\x40" + chance.randbytes(60)), (3, b"\xe0" + first[1:]))
        got = await count_answers(relay, [data for _, data in cases])
        check(got[0] > 0, "no answer to an Initial")
        for bytes_back, (times, data) in zip(got, cases):
            check(bytes_back <= times * len(data), f"{bytes_back} bytes back for {data[:8].hex()}... of {len(data)}")


@beside_a_bystander(limits_handshake="1s")
async def sessions_that_do_not_greet_are_closed(relay):
    peers = [await dial_session(relay, binding) for binding in BINDINGS for _ in range(4)]
    for turn, peer in enumerate(peers):
        if turn % 4 == 1:
            peer.bidi(hello(V02)[:-1])
        if turn % 4 == 2:
            peer.bidi(subscribe(V02, 0, ("by", "stander")))
        if turn % 4 == 3:
            for _ in range(15):
                peer.uni(group(0, 0) + frame(b"x" * 3000))
    peers += [await dial(relay, "h3") for _ in range(2)]  # not even SETTINGS
    peers[-1].is_wrapped = False
    peers[-1].raw(True, b"\0" + h3_frame(SETTINGS_FRAME, SETTINGS))
    for peer in peers:
        await peer.until(lambda: peer.ended, "end of a session that does not greet", 9)


@beside_a_bystander()
async def connections_come_and_go_by_the_hundred(relay):
    for turn in range(240):
        binding = BINDINGS[turn % 2]
        if turn % 6 == 0:
            (await dial(relay, binding, waits=False)).vanish()
            continue
        peer = await dial(relay, binding)
        if turn % 6 == 2 and binding == "h3":
            await connect_h3(peer)
        if turn % 6 == 3 and binding == "moqf":
            await greet(peer, V02)
        if turn % 6 in (4, 5):
            peer.raw(False, hello(V02)[:turn % 9])
        peer.leave() if turn % 12 else peer.vanish()


# ---- QUIC itself -------------------------------------------------------------------------------------------------

def crypto_frame(offset, size):
    return b"\x06" + varint(offset) + varint(size) + b"c" * size


@beside_a_bystander()
async def frames_that_no_stack_sends_cost_their_connection(relay):
    big = varint(WORST)
    cases = {
        "an unknown frame": b"\x21", "a frame of type 2^62": big, "an ACK of packets never sent": b"\x02" + varint(1 << 40) + b"\0\0\0",
        "an ACK below zero": b"\x02\x05\0\0\x3f", "MAX_STREAMS of 2^62": b"\x12" + big, "STREAMS_BLOCKED of 2^62": b"\x16" + big,
        "a stream beyond its limit": b"\x0a" + varint(4 * 100_000) + b"\1x", "an offset of 2^62": b"\x0e\0" + big + b"\2xx",
        "a window overrun": b"\x0e" + varint(400) + varint(1 << 40) + b"\1x", "a server's stream": b"\x0a\x01\x01x"[:0] + b"\x0a\x03\x01x",
        "RESET of a server's uni stream": b"\x04\x03\0\0", "STOP_SENDING of our uni stream": b"\x05\x0a\0",
        "STOP_SENDING of a stream to come": b"\x05" + varint(4001) + b"\0", "MAX_STREAM_DATA of our uni stream": b"\x11\x0a\0",
        "NEW_TOKEN from a client": b"\x07\x01x", "HANDSHAKE_DONE from a client": b"\x1e",
        "NEW_CONNECTION_ID of no bytes": b"\x18\x05\0\0" + b"t" * 16, "NEW_CONNECTION_ID of 21 bytes": b"\x18\x05\0\x15" + b"i" * 21 + b"t" * 16,
        "NEW_CONNECTION_ID that retires the future": b"\x18\x05\x09\x08" + b"i" * 8 + b"t" * 16,
        "RETIRE_CONNECTION_ID never issued": b"\x19" + varint(4000), "crypto far ahead": crypto_frame(1 << 20, 10),
        "a final size that shrinks": b"\x0e\x28\x20\x01x\x04\x28\0\x01", "a cut STREAM frame": b"\x0e\x00\x00\x20x", "no frame type": b"\xc0"}
    for words, data in cases.items():
        peer = await connect(relay)
        peer.send_frames(data)
        await peer.until(lambda: peer.ended, f"end of a connection that sent {words}")
        check(0 < peer.ended.error_code <= 0x10, f"code for {words}: {peer.ended}")


@beside_a_bystander()
async def floods_of_quic_frames_are_bounded(relay):
    chance = random.Random(3)
    floods = {
        "crypto with holes": lambda n: crypto_frame(100 + 40 * n, 20), "path challenges": lambda n: (b"\x1a" + chance.randbytes(8)) * 60,
        "new connection ids": lambda n: b"\x18" + varint(8 + n) + varint(8 + n) + b"\x08" + chance.randbytes(8) + chance.randbytes(16),
        "pings": lambda n: b"\1" * 800, "blocked": lambda n: b"\x14\x3f" * 300, "max data": lambda n: (b"\x10" + varint(n)) * 200,
        "stream holes": lambda n: b"".join(b"\x0e" + varint(40) + varint(2 * k + 100 * n + 1, 4) + b"\1x" for k in range(50)),
        "retirements": lambda n: b"\x19" + varint(n % 4), "stops": lambda n: b"\x05\x01\0" * 200,
        "resets": lambda n: b"".join(b"\x04" + varint(4 * (100 * n + k) + 2) + b"\0\0" for k in range(5) if 100 * n + k < 400)}
    for words, make in floods.items():
        peer = await connect(relay)
        for n in range(300):
            peer.send_frames(make(n)[:1100])
            await pause(n, 16)
            if peer.ended:
                break
        if not peer.ended and words != "new connection ids":  # there the relay speaks to IDs that aioquic never heard of
            try:
                await peer.ping(5)
            except Failure:
                check(peer.ended, f"{words}: the relay neither answers nor closes")
        peer.vanish()


@beside_a_bystander()
async def a_peer_may_move_and_may_update_its_keys(relay):
    source, peer = await connect(relay), await connect(relay, "h3")
    await publish(source, ("moving",))
    watching = await watch(peer, ("moving",))
    asked = await subscription(source)
    for turn in range(6):
        loop, old = asyncio.get_running_loop(), peer._transport
        transport, _ = await loop.create_datagram_endpoint(lambda: peer, local_addr=("::1", 0), family=socket.AF_INET6)
        peer._transport = transport
        old.close()
        if turn % 3:  # with the ID that it has, then at once with another; aioquic always issues as many as it may
            peer.change_connection_id()
        await peer.ping()
        peer.request_key_update()
        await peer.ping()
        asked.group(turn, b"x" * 3000)
        await (await peer.group()).ended(words="a group after a move")


@beside_a_bystander(workers=2)
async def ids_of_every_length_lead_to_their_peer(relay):
    source = await connect(relay)
    for length in (0, 2, 4, 20):  # aioquic makes them at random: of one byte, two of the same connection may be alike
        for binding in BINDINGS:
            name = (f"{binding}-{length}",)
            await publish(source, name)
            peer = await connect(relay, binding, connection_id_length=length)
            for turn in range(4):
                loop, old = asyncio.get_running_loop(), peer._transport
                peer._transport, _ = await loop.create_datagram_endpoint(lambda: peer, local_addr=("::1", 0), family=socket.AF_INET6)
                old.close()
                if turn % 2 and length:
                    peer.change_connection_id()
                await peer.ping()
            watching = await watch(peer, name)
            (await subscription(source)).group(0, b"x" * 30000)
            check_equal((await watching.next())[1], 0, f"the group of a viewer with IDs of {length} bytes")
            peer.leave()


@beside_a_bystander(workers=4)
async def a_ticket_of_one_worker_is_good_at_all_of_them(relay):
    tickets = []
    for turn in range(12):
        peer = await dial(relay, tickets=tickets, session_ticket=tickets[-1] if tickets else None)
        await until_told(lambda: len(tickets) > turn, "a ticket")
        check_equal(peer._quic.tls.session_resumed, turn > 0, f"resumed in turn {turn}")
        peer.leave()
    busy = sum(worker["datagrams_received"] > 0 for worker in relay.stats()["workers"])
    check(busy > 1, "all were on one worker")


@beside_a_bystander()
async def tickets_of_other_servers_cost_a_full_handshake(relay):
    """Of all sizes: whoever served this name before may have put certificates into them."""
    tickets = []
    peer = await dial(relay, tickets=tickets)
    await until_told(lambda: tickets, "a ticket")
    peer.leave()
    size = len(tickets[0].ticket)
    for n in (1, 32, 200, size - 1, size, size + 1, 320, 512, 1000, 2000):
        peer = await dial(relay, session_ticket=dataclasses.replace(tickets[0], ticket=b"t" * n))
        check(not peer._quic.tls.session_resumed, f"a foreign ticket of {n} bytes was taken")
        await greet(peer, V02)
        peer.leave()


TESTS = [tickets_of_other_servers_cost_a_full_handshake, a_wrong_alpn_is_an_alert, a_sender_that_never_answers_gets_three_times_its_bytes_at_most,
         half_open_handshakes_switch_retry_on_and_people_still_get_in,
         garbage_that_looks_like_first_packets_switches_retry_on, first_packets_cut_and_bent_are_dropped,
         sessions_that_do_not_greet_are_closed, connections_come_and_go_by_the_hundred,
         frames_that_no_stack_sends_cost_their_connection, floods_of_quic_frames_are_bounded,
         a_peer_may_move_and_may_update_its_keys, ids_of_every_length_lead_to_their_peer, a_ticket_of_one_worker_is_good_at_all_of_them]
