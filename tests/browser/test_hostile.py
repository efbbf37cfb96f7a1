# SPDX-License-Identifier: MIT OR Apache-2.0
"""Publishers that send what they like: names, catalogs, frames and floods. Pages say what is wrong in words, nothing is thrown that
nobody catches, and other players on the page go on."""

from playerkit import *
from test_demo import open_page, relay_with_page

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
            for (let i = 0; i < 25000; i++) {
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


TESTS = [any_name_is_listed_read_and_watched, what_is_watched_stays_whatever_is_announced, a_flood_of_names_is_cut, an_address_that_names_no_relay_is_told,
         a_track_that_comes_later_is_read]
