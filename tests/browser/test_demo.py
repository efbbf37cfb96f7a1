# SPDX-License-Identifier: MIT OR Apache-2.0
"""The page that the relay serves: what is live, players, figures, a track as text, publishing, and what it says when there is nothing."""

import json

from playerkit import *

VIDEO = 'document.querySelector("moq-video")'
SIZES = ((400, 900), (800, 900), (1440, 900))
AXE = os.path.join(WEB, "node_modules/axe-core/axe.min.js")


def relay_with_page(*modules, port=None):
    """A relay that serves what web/ was built to. `modules` are lines of YAML."""
    port = port or free_port()
    with open(scratch(f"demo-{port}.yaml"), "w") as file:
        file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\n'
                   f"http: {{ address: listen, files: {json.dumps(player_folder())} }}\n" +
                   ("modules:\n" + "".join(f"  - {line}\n" for line in modules) if modules else ""))
    return Relay(port=port, argv=[program("moq-relay"), scratch(f"demo-{port}.yaml")])


def loop(path="demo/clip", name="h264"):
    """A clip that the relay itself publishes; its index has to come first."""
    file = scratch(f"{name}-first.mp4")
    if not os.path.exists(file):
        status, _, err = run(["ffmpeg", "-v", "error", "-y", "-i", clip(name), "-c", "copy", "-movflags", "faststart", file])
        check_equal(status, 0, f"ffmpeg: {err}")
    return f"karp: {{ sources: [{{ path: {path}, file: {file}, loop: true }}] }}"


def open_page(relay, place="", **options):
    return Page(path=f"http://localhost:{relay.port}/{place}", **options)


def playing(page, which=0):
    page.until(f"""() => document.querySelectorAll("moq-video")[{which}]?.state.status === "playing" """, 30, "the player does not play")


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
         two_players_have_two_latencies, the_clock_is_shown_as_text, a_lost_relay_is_said_and_comes_back,
         it_is_fit_for_phones_and_for_everybody]
FIREFOX = [what_is_live_is_listed_with_its_picture_and_plays, the_clock_is_shown_as_text]
