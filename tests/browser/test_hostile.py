# SPDX-License-Identifier: MIT OR Apache-2.0
"""Publishers that send what they like: names, catalogs, frames and floods. Pages say what is wrong in words, nothing is thrown that
nobody catches, and other players on the page go on."""

from playerkit import *
from test_demo import loop, open_page, relay_with_page

# Names that a URL, a page or an address bar would take for something else.
NAMES = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"'`&<>", "100%", "%41%42", "%7B41%7D", "a b", "a/b", "..", ".", "%2e%2E", "a\\b",
         "x?y#z", "{41}", "a^b|c", "\u202eevil\n", "\u00fcber", "\u65e5\u672c\u8a9e", "\U0001f600", "__proto__", "javascript:alert(1)", "//evil.example",
         "trailing/", "x" * 900]
ALERTS = "globalThis.alerts = 0; globalThis.alert = () => { alerts++; };"


class Hostile(Page):
    """A page that publishes with the words of hostile.js."""

    def __init__(self, relay, **options):
        super().__init__('<title>hostile</title><link rel="icon" href="data:,"><script src="/kit/hostile.js"></script>', **options)
        self.run("(relay) => hostile.open(relay, '/dist')", relay.url("/", "http"))


def address_of(page, name):
    """The link of the list that shows this name."""
    return page.until("""(shown) => [...document.querySelectorAll(".cards a, .tracks a")].find((a) => a.textContent === shown)?.hash""", 20,
                      f"{name!r} is not listed", shown(name))


def shown(name):
    return re.sub("[\u202e\n]", "\u00b7", name)


def any_name_is_listed_read_and_watched():
    relay = relay_with_page()
    with Hostile(relay) as hostile, open_page(relay, init=[ALERTS], width=400) as page:
        hostile.run("""(names) => {
            for (const name of names) {
                hostile.say(hostile.track([name, "text"]), "<b>" + name.slice(0, 30));
                hostile.play([name]);
            }
        }""", NAMES)
        for name in NAMES:
            page.run("(hash) => { location.hash = hash; }", address_of(page, name + "/text"))
            page.until("(text) => document.querySelector('.clock')?.textContent === text", 20, f"the text of {name!r} is not shown", shown("<b>" + name[:30]))
            page.run("(hash) => { location.hash = hash; }", address_of(page, name))
            page.until("() => document.querySelector('moq-video')?.state.videoWidth === 320", 20, f"{name!r} is not played")
            check_equal(page.run("() => document.querySelector('h1').textContent"), shown(name), "the title")
            check_equal(page.run("() => document.documentElement.scrollWidth <= innerWidth"), True, f"the page is as wide as the window, with {name!r}")
        page.until("""async () => {
            for (const item of document.querySelectorAll(".cards li")) {
                item.scrollIntoView();
                await new Promise((done) => setTimeout(done, 200));
                const still = item.querySelector("canvas");
                const { data } = still.getContext("2d").getImageData(0, 0, still.width, still.height);
                if (!data.some((byte, i) => i % 4 < 3 && byte > 100)) return false;
            }
            return true;
        }""", 60, "a card has no picture")
        check_equal(page.run("() => [alerts, document.querySelectorAll('.cards script, .cards img').length]"), [0, 0], "scripts that were run")
    relay.stop()


def what_is_watched_stays_whatever_is_announced():
    relay = relay_with_page()
    with Hostile(relay) as hostile, open_page(relay) as page:
        hostile.run("() => hostile.play(['m'])")
        page.until("() => document.querySelector('h1')?.textContent === 'm'", 20, "the broadcast is not shown")
        # Every 20 ms, so that there is no silence to wait for.
        hostile.run("""() => {
            let i = 0;
            setInterval(() => { if (i < 3000) hostile.track([`a${i++}`, "1"]); }, 20);
        }""")
        page.until("() => document.querySelectorAll('.cards li').length > 50", 20, "the list does not follow")
        check_equal(page.run("() => document.querySelector('h1').textContent"), "m", "what is shown")
    relay.stop()


def a_flood_of_names_is_cut():
    relay = relay_with_page()
    with Hostile(relay) as publisher, Hostile(relay) as hostile, open_page(relay) as page:
        publisher.run("() => hostile.play(['m'])")
        page.until("() => document.querySelector('moq-video')?.state.status === 'playing'", 20, "it does not play")
        hostile.run("""async () => {
            for (let i = 0; i < 5000; i++) {
                hostile.track([`n${i}`, "1"]);
                if (i % 500 === 0) await new Promise((done) => setTimeout(done));
            }
        }""", seconds=60)
        page.until("() => document.querySelectorAll('.cards li').length === 500", 30, "the list is not cut at 500")
        page.until("() => document.querySelector('moq-video')?.state.status === 'playing'", 10, "it has stopped")
    relay.stop()


def an_address_that_names_no_relay_is_told():
    relay = relay_with_page()
    for named in ("rubbish", "http://[", "ftp://x/"):
        with open_page(relay, f"?relay={named}") as page:
            page.until("() => document.querySelector('#stage').textContent.includes('names no relay')", 10, f"nothing is said about {named}")
    relay.stop()


def a_track_that_comes_later_is_read():
    relay = relay_with_page()
    with Hostile(relay) as hostile, open_page(relay, "#/track/late/text") as page:
        page.until("() => /not found|asked for again/.test(document.querySelector('.head .soft')?.textContent)", 20, "it does not say that it is missing")
        hostile.run("() => { hostile.say(hostile.track(['late', 'text']), 'here'); }")
        page.until("() => document.querySelector('.clock')?.textContent === 'here'", 20, "the track is not read")
    relay.stop()


def catalogs_of_all_kinds_are_told():
    """For each: what the player says, and that its words are few. A good player on the page goes on."""
    relay = relay_with_page()
    video = {"track": {"name": "v", "priority": 1}, "codec": "vp8", "resolution": {"width": 320, "height": 180}}
    sound = {"track": {"name": "a", "priority": 1}, "codec": "opus", "sample_rate": 48000, "channel_count": 2}
    kinds = {
        "bad-catalog": [[], None, 7, "x", {"video": 1}, {"video": [1]}, {"video": [{**video, "codec": 1}]}, {"video": [video, video]},
                        {"video": [{**video, "resolution": {"width": -1, "height": 1}}]}, {"video": [{**video, "description": "zz"}]},
                        {"video": [{**video, "track": {"name": f"v{i}", "priority": 0}} for i in range(10000)]}],
        "codec-missing": [{"video": [{**video, "codec": codec}]} for codec in ("<script>alert(1)</script>", "", "\u0000\u202e")]
                         + [{"video": [{**video, "track": {"name": f"v{i}", "priority": 0}, "codec": f"rubbish{i}" * 5} for i in range(64)]},
                            {"audio": [{**sound, "sample_rate": 0, "channel_count": 0}]}, {"audio": [{**sound, "channel_count": 4294967295}]}],
        "no-media": [{}, {"video": [], "audio": []}],
        "track-missing": [{"video": [{**video, "resolution": {"width": 0, "height": 0}}]}, {"video": [{**video, "track": {"name": "../x", "priority": 0}}]},
                          {"video": [{**video, "timescale": 0}]}],
    }
    cases = [(code, catalog) for code, catalogs in kinds.items() for catalog in catalogs]
    with Hostile(relay) as hostile, Viewer(relay, path="/good", attributes="muted", init=[ALERTS]) as viewer:
        hostile.run("() => hostile.play(['good'])")
        hostile.run("""(catalogs) => {
            for (const [i, catalog] of catalogs.entries()) hostile.tell([`c${i}`], catalog);
            hostile.tell(["raw0"], new TextEncoder().encode("{"));
            hostile.tell(["raw1"], new Uint8Array([255, 254, 0]));
            hostile.tell(["raw2"], new Uint8Array(0));
            hostile.tell(["raw3"], new TextEncoder().encode(`{"video":[${" ".repeat(2 << 20)}]}`));
        }""", [catalog for _, catalog in cases])
        wanted = [(f"c{i}", code) for i, (code, _) in enumerate(cases)] + [(f"raw{i}", "bad-catalog") for i in range(4)]
        for first in range(0, len(wanted), 9):  # at a time
            some = wanted[first:first + 9]
            viewer.run("""(root, names) => {
                globalThis.others = names.map((name) => Object.assign(document.createElement("moq-video"), { src: root + name, muted: true, controls: true }));
                document.body.append(...others);
            }""", relay.url("/", "http"), [name for name, _ in some])
            told = [viewer.until("""(i, code) => {
                const { error } = others[i].state;
                return error?.code === code && error.message;
            }""", 30, f"{name}: {code} is not told", i, code) for i, (name, code) in enumerate(some)]
            for words in told:
                check(len(words) < 500 and not re.search("[\u202e\\x00-\\x1f]", words), f"nobody reads this: {words!r}")
            viewer.run("() => { for (const other of others) other.remove(); }")
        check_equal(viewer.run("() => [alerts, player.state.status]"), [0, "playing"], "scripts that were run, and the good player")
    relay.stop()


# How a frame's bytes are made of its number and its data; what is told of it; and whether pictures are shown.
FRAMES = {
    "garbage": ("(i) => hostile.writeMediaFrame(i * 33333, crypto.getRandomValues(new Uint8Array(500)))", "decode", False),
    "nothing": ("(i) => hostile.writeMediaFrame(i * 33333, new Uint8Array(0))", "decode", False),
    "no key": ("(i) => hostile.writeMediaFrame(i * 33333, hostile.second[1])", "decode", False),
    "empty": ("() => new Uint8Array(0)", "decode", False),
    "cut": ("() => Uint8Array.of(255, 1)", "decode", False),
    "beyond": ("(i, data) => Uint8Array.of(...new Array(8).fill(255), ...data)", "decode", False),
    "enormous": ("(i, data) => hostile.writeMediaFrame(Number.MAX_SAFE_INTEGER - 1e9 + i * 33333, data)", None, True),
    "two times": ("(i, data) => hostile.writeMediaFrame((i % 2) * 1e12 + i * 33333, data)", None, True),
    "stray": ("(i, data) => hostile.writeMediaFrame(i % 40 === 39 ? 9e15 : i * 33333, data)", None, None),
    "backwards": ("(i, data) => hostile.writeMediaFrame(1e12 - i * 33333, data)", None, None),
    "standing": ("(i, data) => hostile.writeMediaFrame(7, data)", None, None),
}


def frames_of_all_kinds_are_played_or_told():
    relay = relay_with_page()
    with Hostile(relay) as hostile, Viewer(relay, path="/good", attributes="muted") as viewer:
        hostile.run("() => hostile.play(['good'])")
        for name, (code, _, _) in FRAMES.items():
            hostile.run(f"(name) => hostile.play([name], {code})", name)
        viewer.run("""(root, names) => {
            globalThis.others = names.map((name) => Object.assign(document.createElement("moq-video"), { src: root + name, muted: true, controls: true }));
            document.body.append(...others);
        }""", relay.url("/", "http"), [name.replace(" ", "{20}") for name in FRAMES])
        for i, (name, (_, reason, is_shown)) in enumerate(FRAMES.items()):
            if reason:
                viewer.until("(i, reason) => others[i].state.error?.code === reason", 30, f"{name}: {reason} is not told", i, reason)
            if is_shown:
                viewer.until("async (i) => (await others[i].getStatistics()).framesShown > 5", 30, f"{name}: nothing is shown", i)
        before = viewer.statistics()["framesShown"]
        viewer.until("async (before) => (await player.getStatistics()).framesShown > before + 10", 20, "the good player has stopped", before)
    relay.stop()


def expect_words(init, *words):
    """A player in a browser that lacks something says these words."""
    relay = relay_with_page()
    with Hostile(relay) as hostile, Viewer(relay, path="/good", attributes="muted", init=[init]) as viewer:
        hostile.run("() => hostile.play(['good'])")
        viewer.until("(words) => words.every((word) => player.state.error?.message.includes(word))", 20, f"it does not say {words}", list(words))
    relay.stop()


def a_browser_without_workers_is_told():
    expect_words("delete globalThis.Worker;", "worker failed", "worker-src")
    expect_words("globalThis.Worker = class { constructor() { throw new DOMException('refused', 'SecurityError'); } };", "worker failed", "refused")


def a_browser_without_offscreen_canvas_is_told():
    expect_words("delete HTMLCanvasElement.prototype.transferControlToOffscreen;", "cannot draw in a worker")


def a_canvas_that_the_page_uses_is_left_to_it():
    relay = relay_with_page()
    with Hostile(relay) as hostile, Viewer(relay, path="/good", attributes="muted") as viewer:
        hostile.run("() => hostile.play(['good'])")
        viewer.wait_for_playing()
        viewer.run("""() => {
            const other = document.createElement("moq-video");
            const canvas = document.createElement("canvas");
            canvas.getContext("2d");
            other.append(canvas);
            other.muted = true;
            other.src = player.src;
            globalThis.other = other;
            document.body.append(other);
        }""")
        viewer.until("() => other.state.status === 'playing' && other.querySelector('canvas').width === 320", 20, "it does not play on a canvas of its own")
    relay.stop()


def a_canvas_that_the_page_takes_out_comes_back():
    relay = relay_with_page()
    with Hostile(relay) as hostile, Viewer(relay, path="/good", attributes="muted") as viewer:
        hostile.run("() => hostile.play(['good'])")
        viewer.wait_for_playing()
        viewer.run("() => { player.innerHTML = '<p>text</p>'; }")
        viewer.until("() => player.querySelector('canvas')?.width === 320 && player.querySelector('p') !== null", 10, "the picture is gone")
        viewer.run("() => { player.innerHTML = ''; }")
        viewer.until("() => player.querySelector('canvas') !== null", 10, "the picture is gone")
    relay.stop()


def sound_that_cannot_be_is_told_and_the_picture_plays():
    relay = relay_with_page(loop("good"))
    with Viewer(relay, path="/good", attributes="", init=["delete globalThis.AudioContext;"]) as viewer:
        viewer.until("() => player.state.error?.message.includes('AudioContext')", 20, "it is not told")
        viewer.wait_for_playing()
    relay.stop()


def numbers_that_are_none_change_nothing():
    relay = relay_with_page()
    with Hostile(relay) as hostile, Viewer(relay, path="/good", attributes="muted") as viewer:
        hostile.run("() => hostile.play(['good'])")
        for latency in ("NaN", "Infinity", "-1", "'x'", "undefined"):
            viewer.run(f"""async () => {{
                const {{ Player }} = await import("/dist/player.js");
                globalThis.bare = new Player({{ src: player.src, latencyMs: {latency}, volume: {latency}, muted: true }});
                bare.attachCanvas(document.createElement("canvas"));
                bare.latencyMs = {latency};
            }}""")
            viewer.until("() => bare.state.status === 'playing' && bare.volume >= 0 && bare.volume <= 1", 20, f"a latency of {latency} stops it")
            viewer.run("() => bare.close()")
    relay.stop()


def a_src_that_changes_all_the_time_ends_where_it_stops():
    relay = relay_with_page()
    with Hostile(relay) as hostile, Viewer(relay, path="/good", attributes="muted") as viewer:
        hostile.run("() => hostile.play(['good'])")
        viewer.run("""async () => {
            const good = player.src;
            for (let i = 0; i < 150; i++) {
                player.src = i % 2 ? good : `${good}${i}`;
                await new Promise((done) => setTimeout(done, 20));
            }
            player.src = good;
        }""", seconds=30)
        viewer.wait_for_playing()
        check_equal(viewer.told("error"), [], "errors")
    wait_until(lambda: relay.stats()["sessions"] == 0, 20, "sessions are left")
    relay.stop()


def twenty_elements_play():
    relay = relay_with_page()
    with Hostile(relay) as hostile, Viewer(relay, path="/good", attributes="muted") as viewer:
        hostile.run("() => hostile.play(['good'])")
        viewer.run("""() => {
            globalThis.all = Array.from({ length: 19 }, () => player.cloneNode(true));
            document.body.append(...all);
        }""")
        viewer.until("() => all.every((each) => each.state.status === 'playing')", 60, "not all play")
    relay.stop()


TESTS = [any_name_is_listed_read_and_watched, what_is_watched_stays_whatever_is_announced, a_flood_of_names_is_cut, an_address_that_names_no_relay_is_told,
         a_track_that_comes_later_is_read, catalogs_of_all_kinds_are_told, frames_of_all_kinds_are_played_or_told, a_browser_without_workers_is_told,
         a_browser_without_offscreen_canvas_is_told, a_canvas_that_the_page_uses_is_left_to_it, a_canvas_that_the_page_takes_out_comes_back,
         sound_that_cannot_be_is_told_and_the_picture_plays, numbers_that_are_none_change_nothing, a_src_that_changes_all_the_time_ends_where_it_stops,
         twenty_elements_play]
