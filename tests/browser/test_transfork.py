# SPDX-License-Identifier: MIT OR Apache-2.0
"""The library transfork.js in a page, against the real relay and its tools: both roles, refusals, losses, and many sessions."""

from authkit import Key, relay_with_auth
from browserkit import *

# What the functions of this file have in common, run in each page first.
HELPERS = """async () => {
    const transfork = await import("/dist/transfork.js");
    const wish = { priority: 0, order: "newest", expiresMs: 0 };
    globalThis.t = { ...transfork, wish, text: (frame) => new TextDecoder().decode(frame), bytes: (words) => new TextEncoder().encode(words) };
    t.codeOf = (promise) => promise.then(() => "fine", ({ code, message }) => [code, message]);
    t.isAnnounced = async (session, path) => {
        for await (const one of session.announced(path)) if (one.kind === "active") return true;
    };
    t.firstGroup = async (subscription) => {
        for await (const group of subscription.groups) return group;
    };
}"""


def page_with_transfork(expected=None):
    page = Page(expected=expected)
    page.run(HELPERS)
    return page


def a_clock(relay):
    clock = Process([program("moq-clock"), "--tls-disable-verify", relay.url(), "--publish"])
    wait_until(lambda: relay.stats()["announcements"] == 1, 10, f"the clock is not announced: {clock.err[-5:]}")
    return clock


WATCH = """async (url, version) => {
    const session = await t.connect(url, { versions: [version] });
    const found = [];
    for await (const one of session.announced([])) {
        found.push(one.kind === "live" ? "live" : `${one.kind} ${t.pathToText(one.path)}`);
        if (found.includes("live") && found.length > 1) break;
    }
    const subscription = session.subscribe(["clock"], t.wish);
    await subscription.info;
    const lines = [];
    for await (const group of subscription.groups) {
        const minute = t.text(await group.readFrame());
        for (let frame = await group.readFrame(); frame && lines.length < 3; frame = await group.readFrame()) lines.push(minute + t.text(frame));
        if (lines.length === 3) break;
    }
    const { latest } = await session.info(["clock"]);
    const fetched = session.fetch(["clock"], latest, 1);
    const second = t.text(await fetched.readFrame());
    fetched.cancel();
    const nothing = await t.codeOf(session.info(["nothing"]));
    const unknown = session.subscribe(["nothing"], t.wish);
    const stats = await session.stats();
    const ended = (await unknown.ended)?.code;
    session.close();
    return { version: session.version, found, lines, second, nothing, ended, stats, open: await subscription.ended ?? null };
}"""


def watch_the_clock_in(version):
    relay = Relay()
    a_clock(relay)
    with page_with_transfork() as page:
        # http: the fingerprint is read from the relay
        seen = page.run(WATCH, relay.url(scheme="http"), version)
    check_equal(seen["version"], version, "the version")
    check_equal(sorted(seen["found"]), ["active clock", "live"], "what is announced")
    check(all(line.startswith("20") and len(line) == 19 for line in seen["lines"]), f"the page read {seen['lines']}")
    check(len(seen["second"]) == 2 and seen["second"].isdigit(), f"it fetched {seen['second']}")
    check_equal(seen["nothing"][0], 13, "INFO of a track that is not there")
    check_equal(seen["ended"], 13, "a subscription to a track that is not there")
    check(seen["stats"]["bytesReceived"] > 20 and seen["stats"]["bytesSent"] > 20, f"the statistics are {seen['stats']}")
    check_equal(seen["open"], None, "a subscription whose session we closed")
    wait_until(lambda: relay.stats()["sessions"] == 1, 10, "the page's session stays")
    relay.stop()


def a_page_watches_the_clock_in_03():
    watch_the_clock_in("03")


def a_page_watches_the_clock_in_02():
    watch_the_clock_in("02")


PUBLISH = """async (url, version) => {
    const session = await t.connect(url, { versions: [version] });
    const track = t.createTrack(["page"], { priority: 1 });
    session.publish(track);
    let number = 0;
    const tick = () => {
        const group = track.openGroup();
        group.writeFrame(t.bytes(`2026-01-01 00:00:`));
        for (const second of ["00", "01", "02"]) group.writeFrame(t.bytes(second));
        number++;
    };
    tick();
    globalThis.timer = setInterval(tick, 100);
    globalThis.published = { session, track };
    return session.version;
}"""

READ = """async (url, version) => {
    const session = await t.connect(url, { versions: [version] });
    await t.isAnnounced(session, ["page"]);
    const subscription = session.subscribe(["page"], t.wish);
    const sequences = [], frames = new Set();
    for await (const group of subscription.groups) {
        sequences.push(group.sequence);
        for (let frame = await group.readFrame(); frame; frame = await group.readFrame()) frames.add(t.text(frame));
        if (sequences.length === 10) break;
    }
    const { latest } = await session.info(["page"]);
    // Groups are kept for less than a second; on a busy machine a fetch may come too late.
    const fetchOld = async (tries) => {
        const { latest } = await session.info(["page"]);
        return session.fetch(["page"], latest - 1, 2).readFrame().catch((error) => {
            if (tries === 1) throw error;
            return fetchOld(tries - 1);
        });
    };
    frames.add(`fetched ${t.text(await fetchOld(20))}`);
    const large = session.fetch(["page"], latest, 0);
    large.cancel();
    session.close();
    return { sequences, frames: [...frames] };
}"""


def a_page_publishes(version):
    relay = Relay()
    with page_with_transfork() as page, page_with_transfork() as other:
        check_equal(page.run(PUBLISH, relay.url(scheme="http"), version), version, "the version")
        wait_until(lambda: relay.stats()["announcements"] == 1, 10, "the page's track is not announced")
        clock = Process([program("moq-clock"), "--tls-disable-verify", relay.url(), "--path", "page"])
        clock.wait_for("2026-01-01 00:00:02", stream="out")
        seen = other.run(READ, relay.url(scheme="http"), version)
        check_equal(len(set(seen["sequences"])), 10, f"different groups of {seen['sequences']}; a later one may come first")
        check_equal(sorted(seen["frames"]), ["00", "01", "02", "2026-01-01 00:00:", "fetched 01"], "the frames")
        clock.end()
        check_equal(page.run("() => published.track.viewers"), 1, "viewers: the relay, which lingers")
        page.run("() => { clearInterval(timer); published.track.close(); }")
        wait_until(lambda: relay.stats()["announcements"] == 0, 10, "the track is still announced")
        page.run("() => published.session.close()")
    relay.stop()


def a_page_publishes_for_moq_clock_and_for_another_page_in_03():
    a_page_publishes("03")


def a_page_publishes_for_moq_clock_and_for_another_page_in_02():
    a_page_publishes("02")


# A frame of 5 MB and many small ones, both ways through the relay.
LARGE = """async (url) => {
    const here = await t.connect(url);
    const there = await t.connect(url);
    const track = t.createTrack(["large"]);
    here.publish(track);
    const large = new Uint8Array(5_000_000).map((_, i) => i * 7);
    const group = track.openGroup();
    group.writeFrame(large);
    for (let i = 0; i < 5000; i++) group.writeFrame(t.bytes(`${i}`));
    group.close();
    await t.isAnnounced(there, ["large"]);
    const reader = await t.firstGroup(there.subscribe(["large"], t.wish));
    const began = performance.now();
    const frame = await reader.readFrame();
    const isSame = frame.length === large.length && frame.every((byte, i) => byte === large[i]);
    let small = 0;
    for (let next = await reader.readFrame(); next; next = await reader.readFrame()) small += t.text(next) === `${small}` ? 1 : NaN;
    const tookMs = performance.now() - began;
    here.close();
    there.close();
    return { isSame, small, tookMs };
}"""


def large_frames_and_many_small_ones_arrive_whole():
    relay = Relay()
    with page_with_transfork() as page:
        seen = page.run(LARGE, relay.url(scheme="http"), seconds=60)
    check_equal((seen["isSame"], seen["small"]), (True, 5000), "the frames")
    relay.stop()


def a_guarded_relay(name):
    """A relay that lets nobody in without a token, and how a token is made."""
    key = Key(name, "key", "ES256")
    return relay_with_auth(name, f"{{ keys: {key.public} }}", workers=1), key.sign


# Chromium forgets the words of a session's end, and the code if the session was open for long, in about one of ten ends.
NO_CREDENTIALS = "no valid credentials"


def a_page_that_is_refused_is_told_why():
    relay, sign = a_guarded_relay("refused")
    with page_with_transfork(expected="WebTransport|Failed to establish") as page:
        def refusal(token):
            return page.run("(url, token) => t.codeOf(t.connect(url, { token }))", relay.url("/demo", "http"), token)
        for token, words in ("", "no token"), ("a.b.c", "token"):
            code, said = refusal(token)
            check_equal(code, 6, f"the code of {said}")
            check(words in said or said == NO_CREDENTIALS, f"the page is told: {said}")
        check_equal(refusal(sign("--subscribe", "", "--publish", "", "--expires", "1h")), "fine", "a good token")
    relay.stop()


CONNECTION = """(url, token) => {
    globalThis.states = [];
    const told = ({ kind, error, session }) => states.push([kind, ...(error ? [error.code, error.message] : []), ...(session ? [session.version] : [])]);
    globalThis.connection = new t.Connection(url, { token }, told);
}"""


def a_connection_whose_token_expires_is_refused():
    relay, sign = a_guarded_relay("expires")
    with page_with_transfork(expected="WebTransport|Failed to establish") as page:
        page.run(CONNECTION, relay.url("/demo", "http"), sign("--subscribe", "", "--expires", "3s"))
        page.until("() => states.some(([kind]) => kind === 'refused')", 20, "the connection is not refused")
        states = page.run("() => states")
        kinds = [state[0] for state in states]
        check(kinds in (["connecting", "open", "refused"], ["connecting", "open", "waiting", "connecting", "refused"]), f"the states: {kinds}")
        check(states[-1][1] == 6 and ("expired" in states[-1][2] or states[-1][2] == NO_CREDENTIALS), f"the reason: {states[-1]}")
        page.run("() => connection.close()")
    relay.stop()


def a_connection_comes_back_when_the_relay_does():
    relay = Relay()
    with page_with_transfork(expected="WebTransport|Failed to|net::|ERR_|connect|fingerprint|Cross-Origin") as page:
        page.run(CONNECTION, relay.url("/demo", "http"), "")
        page.until("() => states.at(-1)[0] === 'open'", 20, "the connection does not open")
        relay.stop()
        page.until("() => states.at(-1)[0] === 'waiting'", 20, "the end of the relay is not noticed")
        check(page.run("() => states[2].slice(0, 2)") in (["waiting", 0], ["waiting", 4]), f"the states are {page.run('() => states')}")
        again = Relay(port=relay.port)
        page.run("() => connection.hurry()")
        page.until("() => states.at(-1)[0] === 'open'", 60, "the connection does not come back")
        wait_until(lambda: again.stats()["sessions"] == 1, 10, "the relay has no session")
        page.run("() => connection.close()")
        wait_until(lambda: again.stats()["sessions"] == 0, 10, "the session stays")
    again.stop()


MANY = """async (url, count) => {
    const ends = [];
    for (let i = 0; i < count; i++) {
        const session = await t.connect(url, { versions: [i % 2 ? "02" : "03"] });
        const subscription = session.subscribe(["clock"], t.wish);
        const group = await t.firstGroup(subscription);
        await group.readFrame();
        const rest = (async () => { while (await group.readFrame()); })().catch((error) => error.code);
        const announced = (async () => { for await (const one of session.announced([])); })();
        session.close();
        await Promise.all([announced, subscription.ended, session.closed]);
        ends.push(await rest);
    }
    return ends;
}"""


def a_hundred_sessions_leave_nothing():
    relay = Relay()
    a_clock(relay)
    with page_with_transfork() as page:
        page.run(MANY, relay.url(scheme="http"), 5, seconds=60)
        before = page.metrics()
        ends = page.run(MANY, relay.url(scheme="http"), 100, seconds=200)
        check_equal(set(map(str, ends)), {"0"}, "how what was being read has ended")
        after = page.metrics()
        if "JSHeapUsedSize" in after:
            grown = after["JSHeapUsedSize"] - before["JSHeapUsedSize"]
            check(grown < 2_000_000, f"a hundred sessions leave {grown} bytes")
    wait_until(lambda: relay.stats()["sessions"] == 1, 20, "sessions stay")
    relay.stop()


# On a busy machine the first answers may be late.
ROUND_TRIP = """async (port, certificateHash, belowMs) => {
    const session = await t.connect(`https://127.0.0.1:${port}/`, { certificateHash });
    for (;;) {
        const { rttMs } = await session.stats();
        if (rttMs < belowMs) return session.close(), rttMs;
        await new Promise((done) => setTimeout(done, 20));
    }
}"""


def the_round_trip_is_that_of_the_path():
    relay = Relay()
    direct, far = Tunnel(relay), Tunnel(relay, late_s=0.05)
    with page_with_transfork() as page:
        fingerprint = relay.get("/fingerprint").strip()
        late = page.run(ROUND_TRIP, far.port, fingerprint, 1e9)
        near = page.run(ROUND_TRIP, direct.port, fingerprint, 50)
    print(f"           {near:.1f} ms on a path of 0 ms, {late:.1f} ms on one of 100 ms", flush=True)
    check(late >= 100, f"{late} ms on a path of 100 ms")
    for tunnel in (direct, far):
        tunnel.end()
    relay.stop()


TESTS = FIREFOX = [
    the_round_trip_is_that_of_the_path,
    a_page_watches_the_clock_in_03,
    a_page_watches_the_clock_in_02,
    a_page_publishes_for_moq_clock_and_for_another_page_in_03,
    a_page_publishes_for_moq_clock_and_for_another_page_in_02,
    large_frames_and_many_small_ones_arrive_whole,
    a_page_that_is_refused_is_told_why,
    a_connection_whose_token_expires_is_refused,
    a_connection_comes_back_when_the_relay_does,
    a_hundred_sessions_leave_nothing,
]
