# SPDX-License-Identifier: MIT OR Apache-2.0
"""The page that the relay serves: what is live, players, figures, a track as text, publishing, and what it says when there is nothing."""

import json
import re
import urllib.parse

from playerkit import *

VIDEO = 'document.querySelector("moq-video")'
SIZES = ((400, 900), (800, 900), (1440, 900))
AXE = os.path.join(WEB, "node_modules/axe-core/axe.min.js")


def relay_with_page(*modules, port=None, tls=False):
    """A relay that serves what web/ was built to, with `tls` also by HTTPS. `modules` are lines of YAML."""
    port = port or free_port()
    with open(scratch(f"demo-{port}.yaml"), "w") as file:
        file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\n'
                   f"http: {{ address: listen, tls: {json.dumps(tls)}, files: {json.dumps(player_folder())} }}\n" +
                   ("modules:\n" + "".join(f"  - {line}\n" for line in modules) if modules else ""))
    return Relay(port=port, argv=[program("moq-relay"), scratch(f"demo-{port}.yaml")])


def loop(*paths, name="h264"):
    """A clip that the relay itself publishes at each of these paths; its index has to come first."""
    file = scratch(f"{name}-first.mp4")
    if not os.path.exists(file):
        status, _, err = run(["ffmpeg", "-v", "error", "-y", "-i", clip(name), "-c", "copy", "-movflags", "faststart", file])
        check_equal(status, 0, f"ffmpeg: {err}")
    sources = ", ".join(f"{{ path: {path}, file: {file}, loop: true }}" for path in paths or ("demo/clip",))
    return f"karp: {{ sources: [{sources}] }}"


def open_page(relay, place="", **options):
    return Page(path=f"http://localhost:{relay.port}/{place}", **options)


def playing(page, which=0):
    page.until(f"""() => document.querySelectorAll("moq-video")[{which}]?.state?.status === "playing" """, 30, "the player does not play")


def what_is_live_is_listed_with_its_picture_and_plays():
    relay = relay_with_page("clock: { path: demo/clock }", loop())
    with open_page(relay) as page:
        page.until("() => document.querySelector('.card span')?.textContent === 'demo/clip'", 20, "the broadcast is not listed")
        playing(page)
        page.run("() => document.querySelector('.card').scrollIntoView()")  # only what is in view has a picture
        page.until("""() => {
            const still = document.querySelector(".card canvas");
            const { data } = still.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, still.width, still.height);
            return data.some((byte, i) => i % 4 < 3 && byte > 100);
        }""", 20, "its card has no picture")
        page.until("""() => [...document.querySelectorAll(".figures div")]
            .some(({ textContent }) => /^Round trip[0-9.]+ m?s$/.test(textContent))""", 20, "nobody knows the round trip")
        check_equal(page.run("() => document.title"), "demo/clip \u2013 moq-relay", "the title")
        check_equal(page.run("() => document.querySelector('#tracks').textContent"), "demo/clock", "other tracks")
    relay.stop()


def the_list_follows_publishers_by_itself():
    relay = relay_with_page()
    with open_page(relay) as page:
        page.until("() => document.querySelector('#stage').textContent.includes('Nothing is live yet')", 20, "the empty page")
        check(f"moq-karp publish http://localhost:{relay.port}/demo/mine" in page.run("() => document.querySelector('#stage').textContent"),
              "the empty page does not say how to publish")
        publisher = publish(relay, "h264", path="/demo/new")
        page.until("() => document.querySelector('.card span')?.textContent === 'demo/new'", 20, "the new broadcast is not listed")
        playing(page)
        publisher.kill()
        page.until("() => !document.querySelector('.card')", 30, "the ended broadcast is still listed")
    relay.stop()


def the_slider_changes_the_latency_at_once():
    relay = relay_with_page(loop())
    with open_page(relay) as page:
        playing(page)
        page.run("""() => {
            const slider = document.querySelector("input[type=range]");
            slider.value = 2000;
            slider.dispatchEvent(new Event("input"));
        }""")
        page.until(f"() => {VIDEO}.latency === 2000", 5, "the player is not told")
        page.until(f"async () => (await {VIDEO}.getStatistics()).latencyMs > 1200", 20, "playback does not go back")
    relay.stop()


def two_players_have_two_latencies():
    relay = relay_with_page(loop())
    with open_page(relay, "#/compare/demo/clip") as page:
        playing(page, 0)
        playing(page, 1)
        page.until("""async () => {
            const [fast, safe] = await Promise.all([...document.querySelectorAll("moq-video")].map((video) => video.getStatistics()));
            return safe.latencyMs - fast.latencyMs > 1000;
        }""", 30, "both have the same latency")
    relay.stop()


def the_clock_is_shown_as_text():
    relay = relay_with_page("clock: { path: demo/clock }")
    with open_page(relay, "#/track/demo/clock") as page:
        page.until(r"() => /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(document.querySelector('.clock')?.textContent)", 30, "there is no time")
    relay.stop()


def a_lost_relay_is_said_and_comes_back():
    relay = relay_with_page(loop())
    port = relay.port
    with open_page(relay, expected="ERR_|net::|WebTransport|Failed to load|fetch") as page:
        playing(page)
        relay.stop()
        page.until("() => document.querySelector('#connection').dataset.state !== 'open'", 30, "the page does not notice")
        relay = relay_with_page(loop(), port=port)
        page.until("() => document.querySelector('#connection').dataset.state === 'open'", 60, "the page does not come back")
        playing(page)
    relay.stop()


# Runs before the page: clicks on the second broadcast as soon as both are listed, and notes when that was, when it had its effect, and
# how long the page could do nothing else meanwhile; milliseconds since the page was asked for.
FIRST_USE = """(() => {
    const use = globalThis.use = { blockedMs: 0 };
    new PerformanceObserver((list) => {
        if (!use.shownMs) for (const { duration } of list.getEntries()) use.blockedMs += duration - 50;
    }).observe({ type: "longtask" });
    const look = () => {
        const [, second] = document.querySelectorAll(".card");
        if (second && !use.clickedMs) setTimeout(() => second.click(), 0);
        if (second) use.clickedMs ??= performance.now();
        if (document.querySelector(".stage h1")?.textContent === "demo/two") use.shownMs ??= performance.now();
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
})()"""
LOADED = """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind)).map(
    ({ name, initiatorType, transferSize, encodedBodySize, decodedBodySize }) =>
        ({ name, by: initiatorType, bytes: transferSize, encoded: encodedBodySize, decoded: decodedBodySize }))"""
LOADED_MAX_BYTES, USABLE_MS = 85 << 10, 1000


def it_can_be_used_within_a_second():
    relay = relay_with_page(loop("demo/one", "demo/two"))
    with open_page(relay, init=[FIRST_USE]) as page:
        page.until("() => use.shownMs", 30, "a click on a broadcast has no effect")
        use = page.run("() => use")
        loaded = {urllib.parse.urlsplit(one["name"]).path: one for one in page.run(LOADED) if not one["name"].startswith("blob:")}
    total = sum(one["bytes"] for one in loaded.values())
    print(f"           listed after {use['clickedMs']:.0f} ms, a click had its effect after {use['shownMs']:.0f} ms, blocked for "
          f"{use['blockedMs']:.0f} ms; {len(loaded)} requests, {total} bytes", flush=True)
    check(use["shownMs"] < USABLE_MS * PATIENCE, f"a click has its effect after {use['shownMs']:.0f} ms")
    ours = f"http://localhost:{relay.port}/"
    check(all(one["name"].startswith(ours) for one in loaded.values()), f"something is loaded from elsewhere: {loaded}")
    check(total < LOADED_MAX_BYTES, f"{total} bytes are loaded")
    # What the document does not ask for itself waits until the script is there. Of a certificate that browsers know, no fingerprint is read.
    check_equal(sorted((re.sub(r"-[\w-]+\.", ".", path), one["by"]) for path, one in loaded.items()), [
        ("/", "navigation"), ("/api/relay", "link"), ("/assets/index.css", "link"), ("/assets/index.js", "script"), ("/fingerprint", "fetch")],
                "what is loaded, and who asks for it")
    files = [one for path, one in loaded.items() if path == "/" or path.startswith("/assets/")]
    check(all(one["encoded"] < 0.6 * one["decoded"] for one in files), f"files are not compressed: {files}")
    relay.stop()


def publishing_is_loaded_where_somebody_publishes():
    relay = relay_with_page()
    with open_page(relay, "#/publish") as page:
        page.until("() => document.querySelector('moq-publish')?.state?.status === 'idle'", 30, "there is nothing to publish with")
    relay.stop()


def it_is_fit_for_phones_and_for_everybody():
    """axe finds nothing serious, nothing is wider than the window, in light and dark."""
    relay = relay_with_page("clock: { path: demo/clock }", loop())
    with open(AXE, encoding="utf-8") as file:
        axe = file.read()
    for width, height in SIZES:
        for scheme in ("light", "dark"):
            with open_page(relay, width=width, height=height, dark=scheme == "dark") as page:
                playing(page)
                check_equal(page.run("() => [innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]"), [width, scheme == "dark"], "the window")
                check_equal(page.run("() => document.documentElement.scrollWidth <= innerWidth"), True, f"it fits into {width} pixels")
                found = page.run(f"""async () => {{
                    {axe};
                    const {{ violations }} = await axe.run();
                    return violations.filter(({{ impact }}) => impact === "serious" || impact === "critical")
                        .map(({{ id, nodes }}) => `${{id}}: ${{nodes[0].html}}`);
                }}""", seconds=60)
                check_equal(found, [], f"what axe finds at {width} pixels, {scheme}")
    relay.stop()


TESTS = [what_is_live_is_listed_with_its_picture_and_plays, the_list_follows_publishers_by_itself, the_slider_changes_the_latency_at_once,
         two_players_have_two_latencies, the_clock_is_shown_as_text, a_lost_relay_is_said_and_comes_back, it_can_be_used_within_a_second,
         publishing_is_loaded_where_somebody_publishes, it_is_fit_for_phones_and_for_everybody]
FIREFOX = [what_is_live_is_listed_with_its_picture_and_plays, the_clock_is_shown_as_text]
