# SPDX-License-Identifier: MIT OR Apache-2.0
"""A module offers paths on behalf of peers, says what peers are told, and hides what relays tell each other."""

from abikit import *
from peer import *

WORKERS = (1, 4)
NOT_FOUND = -4
X = ("live", "x")


def behalf(test):
    return with_peers(lambda: module("behalf"), workers=WORKERS)(test)


async def have_done(relay, peer, verb, path, result=0):
    """The module does it for this peer, and it has been done when this returns."""
    line = f"{verb} {path} {result}"
    before = count(relay, line)
    stream = peer.bidi(info_please("do", verb, *path.split("/")))
    await stream.until(lambda s: s.is_over, "a refusal")
    await until_traced(relay, lambda: count(relay, line) > before, f"the module has told {line!r}")


class Listener:
    """A peer that asks for all announcements."""

    def __init__(self, peer):
        self.peer, self.stream = peer, peer.bidi(announce_please())

    async def sees(self, *name):
        await self.stream.until(lambda s: announce(ACTIVE, *name) in s.data, f"the announcement of {name}")

    async def loses(self, *name):
        await self.stream.until(lambda s: announce(ENDED, *name) in s.data, f"the end of {name}")

    def has_seen(self, *name):
        return announce(ACTIVE, *name) in self.stream.data

    async def goes_up_to(self, source, *name):
        """Whatever was offered before this path would have been told by now."""
        await publish(source, name)
        await self.sees(*name)


async def listener(relay, grants=None):
    peer = await connect(relay)
    if grants:
        await have_done(relay, peer, "may", grants)
    return Listener(peer)


async def offered(relay, what, path, is_offered=True):
    """Every worker tells the module of it, in the list of all paths or of those that are not given."""
    line = f" {what} {'offered' if is_offered else 'gone'} {path}"

    def workers():
        return {text.split()[0] for text in relay.trace.lines() if text.endswith(line)}
    await until_traced(relay, lambda: len(workers()) == len(relay.stats()["workers"]), f"not every worker has told {line!r}")


async def feeds(source, watching, sequence, name=X):
    """The relay asks this source for the track, and the viewer gets what it sends."""
    asked = await subscription(source)
    check_equal(tuple(part.decode() if isinstance(part, bytes) else part for part in asked.name), name, "what the source is asked for")
    await brings(asked, watching, sequence)
    return asked


async def brings(asked, watching, sequence):
    asked.group(sequence, b"%d" % sequence)
    stream, number, _ = await watching.next()
    check_equal(number, sequence, "the group")
    await stream.ended(group(watching.number, sequence) + frame(b"%d" % sequence), "a group")


# ---- Offers ------------------------------------------------------------------------------------------------------

@behalf
async def a_path_is_offered_and_withdrawn(relay):
    source, seen = await connect(relay), await listener(relay)
    own = Listener(source)
    await have_done(relay, source, "offer", "live/x")
    await seen.sees(*X)
    await offered(relay, "all", "live/x")
    check(relay.trace.has("announce live/x") and relay.trace.has("event announced live/x"), "modules are asked and told")
    watching = Watching(seen.peer, X)
    await feeds(source, watching, 3)
    check(not own.has_seen(*X), "a peer is not told of what it has itself")
    await have_done(relay, source, "withdraw", "live/x")
    await seen.loses(*X)
    await watching.stream.until(lambda s: s.is_over, "the end of the subscription")
    await have_done(relay, source, "withdraw", "live/x", NOT_FOUND)
    check(not relay.trace.has("own offered live/x"), "the list without given paths does not have it")


@behalf
async def an_offer_ends_with_its_session(relay):
    source, seen = await connect(relay), await listener(relay)
    await have_done(relay, source, "offer", "live/x")
    await seen.sees(*X)
    source.leave()
    await seen.loses(*X)
    await offered(relay, "all", "live/x", False)


@behalf
async def an_offer_has_another_name(relay):
    source, seen = await connect(relay), await listener(relay)
    await have_done(relay, source, "as", "live/x")
    await seen.sees("as", *X)
    check(relay.trace.has("announce as/live/x") and not seen.has_seen(*X), "it is known by that name only")
    await feeds(source, Watching(seen.peer, ("as", *X)), 3)
    await have_done(relay, source, "withdraw", "as/live/x", NOT_FOUND)
    await have_done(relay, source, "withdraw", "live/x")
    await seen.loses("as", *X)


@behalf
async def what_a_peer_has_announced_and_what_is_offered_for_it_are_two(relay):
    source, seen = await connect(relay), await listener(relay)
    await have_done(relay, source, "offer", "live/x")
    await offered(relay, "all", "live/x")
    await publish(source, X)
    await offered(relay, "own", "live/x")
    await have_done(relay, source, "withdraw", "live/x")
    await offered(relay, "all", "live/x")
    await have_done(relay, source, "offer", "live/x")
    source.asked.send(announce(ENDED, *X))
    await offered(relay, "own", "live/x", False)
    check(not relay.trace.has("all gone live/x"), "it is still offered on its behalf")
    await have_done(relay, source, "withdraw", "live/x")
    await seen.loses(*X)


@behalf
async def a_hook_withdraws_refuses_and_offers_more(relay):
    source, seen = await connect(relay), await listener(relay)
    await have_done(relay, source, "offer", "gone/x")
    await have_done(relay, source, "offer", "refused/x")
    check(relay.trace.has("event announce_refused refused/x"), "a refusal is told")
    await have_done(relay, source, "offer", "pair")
    await seen.sees("pair")
    await seen.sees("other")
    check(not seen.has_seen("gone", "x") and not seen.has_seen("refused", "x"), "what was withdrawn or refused is not offered")
    await have_done(relay, source, "withdraw", "gone/x", NOT_FOUND)
    await have_done(relay, source, "withdraw", "refused/x")


@behalf
async def grants_have_to_cover_the_path_not_the_name(relay):
    source, seen = await connect(relay), await listener(relay)
    await have_done(relay, source, "may", "narrow")
    await have_done(relay, source, "offer", "live/x")
    await have_done(relay, source, "as", "pub/y")
    await seen.sees("as", "pub", "y")
    check(not seen.has_seen(*X) and not relay.trace.has("announce live/x"), "what is not granted is not offered")
    relay.wait_for("may not publish live/x")
    await have_done(relay, source, "may", "everything")
    await seen.sees(*X)
    await have_done(relay, source, "may", "narrow")
    await seen.loses(*X)
    await have_done(relay, source, "withdraw", "live/x")
    await have_done(relay, source, "withdraw", "pub/y")
    await seen.loses("as", "pub", "y")


# ---- Spares ------------------------------------------------------------------------------------------------------

async def watch_again(relay):
    """A viewer at which the module looks at all candidates."""
    viewer = await connect(relay)
    await watch(viewer, X)
    viewer.leave()


@behalf
async def a_spare_feeds_only_when_it_has_to(relay):
    regular, spare, viewer = await connect(relay), await connect(relay), await connect(relay)
    await have_done(relay, regular, "offer", "live/x")
    await have_done(relay, spare, "spare", "live/x")
    watching = Watching(viewer, X)
    await feeds(regular, watching, 3)
    await watch_again(relay)
    regular.leave()
    await feeds(spare, watching, 4)
    another = await connect(relay)
    await publish(another, X)
    await feeds(another, watching, 5)
    await watch_again(relay)


@behalf
async def a_spare_that_is_promoted_is_the_newest(relay):
    regular, spare, viewer = await connect(relay), await connect(relay), await connect(relay)
    await have_done(relay, spare, "spare", "live/x")
    await have_done(relay, regular, "offer", "live/x")
    watching = Watching(viewer, X)
    await feeds(regular, watching, 3)
    await have_done(relay, spare, "promote", "live/x")
    await feeds(spare, watching, 4)
    await watch_again(relay)
    await have_done(relay, viewer, "promote", "live/x", NOT_FOUND)
    newer = await connect(relay)
    await publish(newer, X)
    await feeds(newer, watching, 5)
    await watch_again(relay)
    newer.leave()
    asked = await subscription(spare)
    await brings(asked, watching, 6)
    await have_done(relay, spare, "withdraw", "live/x")
    await brings(await subscription(regular), watching, 7)


@behalf
async def a_spare_is_promoted_while_it_is_decided_on(relay):
    regular, spare, viewer = await connect(relay), await connect(relay), await connect(relay)
    await publish(regular, ("chief", "x"))
    await offered(relay, "own", "chief/x")
    await have_done(relay, spare, "spare", "chief/x")
    await feeds(spare, Watching(viewer, ("chief", "x")), 3, ("chief", "x"))


# ---- What peers are told -----------------------------------------------------------------------------------------

@behalf
async def a_peer_is_told_of_all_of_what_is_near_or_of_nothing(relay):
    other_relay, ordinary = await connect(relay), await connect(relay)
    await have_done(relay, other_relay, "may", "cluster")
    seen, all_seen = await listener(relay), await listener(relay)
    await have_done(relay, seen.peer, "tell", "near")
    await publish(other_relay, ("far", "a"))
    await have_done(relay, other_relay, "offer", "given")
    await all_seen.sees("far", "a")
    await seen.goes_up_to(ordinary, "near", "a")
    await seen.sees("given")
    check(not seen.has_seen("far", "a"), "what only another relay has announced is not told")
    await have_done(relay, seen.peer, "tell", "all")
    await seen.sees("far", "a")
    await have_done(relay, seen.peer, "tell", "near")
    await seen.loses("far", "a")
    await publish(ordinary, ("far", "a"))
    await seen.stream.until(lambda s: s.data.count(announce(ACTIVE, "far", "a")) == 2, "what somebody else has announced as well")
    await have_done(relay, seen.peer, "tell", "nothing")
    for name in ("near", "a"), ("given",), ("loud",):
        await seen.loses(*name)
    await feeds(ordinary, Watching(seen.peer, ("near", "a")), 3, ("near", "a"))


@behalf
async def what_relays_tell_each_other_is_told_to_relays_only(relay):
    source, ordinary, other = await connect(relay), await listener(relay), await listener(relay, "joined")
    await have_done(relay, source, "may", "joined")
    await publish(source, ("internal", "map"), ("internals", "x"), ("pub", "x"))
    await other.sees("internal", "map")
    await other.sees("pub", "x")
    await ordinary.sees("pub", "x")
    check(not ordinary.has_seen("internal", "map"), "others are not told")
    check(not relay.trace.has("announce internals/x"), "the first part is the whole word")
    await offered(relay, "all", "internal/map")
    await feeds(source, Watching(other.peer, ("internal", "map")), 3, ("internal", "map"))
    await have_done(relay, ordinary.peer, "may", "narrow")
    await ordinary.peer.bidi(subscribe(V02, 9, ("internal", "map"))).until(lambda s: s.is_over, "a refusal")


@behalf
async def an_internal_name_is_told_to_nobody(relay):
    source, other = await connect(relay), await listener(relay, "cluster")
    await have_done(relay, source, "hide", "live/x")
    await other.goes_up_to(source, "later")
    check(not other.has_seen("internal", *X), "not even relays are told")
    await feeds(source, Watching(other.peer, ("internal", *X)), 3)
    check(not relay.trace.has("offered internal/live/x"), "nor are modules")
    await have_done(relay, source, "withdraw", "live/x")


@behalf
async def a_quiet_source_is_watched_by_those_who_know_it(relay):
    seen = await listener(relay)
    await seen.sees("loud")
    await seen.sees("older")
    await offered(relay, "all", "loud")
    for name in "quiet", "older":
        watching = Watching(seen.peer, (name,))
        stream, number, _ = await watching.next()
        await stream.ended(group(watching.number, number) + frame(name.encode()), "a group")
    check(not seen.has_seen("quiet") and not relay.trace.has("offered quiet"), "nobody is told of it")


TESTS = [a_path_is_offered_and_withdrawn, an_offer_ends_with_its_session, an_offer_has_another_name,
         what_a_peer_has_announced_and_what_is_offered_for_it_are_two, a_hook_withdraws_refuses_and_offers_more,
         grants_have_to_cover_the_path_not_the_name, a_spare_feeds_only_when_it_has_to, a_spare_that_is_promoted_is_the_newest,
         a_spare_is_promoted_while_it_is_decided_on, a_peer_is_told_of_all_of_what_is_near_or_of_nothing,
         what_relays_tell_each_other_is_told_to_relays_only, an_internal_name_is_told_to_nobody,
         a_quiet_source_is_watched_by_those_who_know_it]
