# SPDX-License-Identifier: MIT OR Apache-2.0
"""The machine's wall clock is set while a page plays. Picture and sound go on as if nothing had happened, and the figures do too."""

from playerkit import *
from wallkit import HOUR_S, WallClock

# What the wall clock is for the page, and for a worker made before it is set.
CLOCKS = """<script>
    const worker = new Worker(URL.createObjectURL(new Blob(["onmessage = () => postMessage(Date.now())"])));
    globalThis.clocks = async () => {
        const told = new Promise((done) => { worker.onmessage = ({ data }) => done(data); });
        worker.postMessage(0);
        return [Date.now(), await told];
    };
</script>"""
# What plays without a break: the position against the page's even clock, each picture's number, what the element tells and counts.
LOOK = """async (ms) => {
    const position = () => player.currentTime - performance.now() / 1000;
    const before = { position: position(), events: told.length, stats: await player.getStatistics() };
    const watch = new kit.Watch(() => player.querySelector("canvas"));
    await new Promise((done) => setTimeout(done, ms));
    const after = await player.getStatistics();
    const counted = {};
    for (const name of ["audioUnderruns", "framesDropped", "groupsSkipped", "reconnects"]) counted[name] = after[name] - before.stats[name];
    return {
        movedS: position() - before.position, events: told.slice(before.events).map(({ type }) => type), counted, after,
        numbers: watch.stop().seen.map(({ number }) => number), sound: kit.evenness(ms / 1000),
    };
}"""
STEPS = (HOUR_S, 0, -HOUR_S)
LOOK_S = 1.5
SLEWED_S, SLEW_STEPS = 1, 15
SILENT_MS, MOVED_S, LATENCY_MS, STEP_MAX = 25, 1, 5000, 15  # of what shows a break; a picture is 33 ms
# A change with breaks is made again: on a machine that is busy enough, there are some at any time.
TRIES = 3


def complaints(found):
    """What shows a break in what LOOK has found."""
    frames = clips.CLIPS["h264"].frames()
    steps = [(b - a) % frames for a, b in zip(found["numbers"], found["numbers"][1:])]
    wrong = [f"{count} {name}" for name, count in found["counted"].items() if count]
    wrong += [f"events {found['events']}"] if found["events"] else []
    wrong += [f"it moved by {found['movedS']:.3f} s"] if abs(found["movedS"]) > MOVED_S else []
    wrong += [f"a latency of {found['after']['latencyMs']:.0f} ms"] if not 0 < found["after"]["latencyMs"] < LATENCY_MS else []
    wrong += [f"pictures came in steps of {steps}"] if not steps or max(steps) > STEP_MAX else []
    wrong += [f"it was silent for {found['sound']['silentMs']:.0f} ms"] if found["sound"]["silentMs"] > SILENT_MS else []
    return wrong


def check_whole(page, wall, change):
    """Nothing breaks while `change` sets the clock, in a time that begins before it."""
    before, found = wall.ahead_s, []
    for _ in range(TRIES):
        wall.set_ahead(before)
        changing = threading.Timer(LOOK_S / 5, change)
        changing.start()
        found.append(complaints(page.run(LOOK, LOOK_S * 1000)))
        changing.join()
        check_clocks(page, wall)
        if not found[-1]:
            return
    raise Failure(f"from {before} s to {wall.ahead_s} s, in {TRIES} tries: {found}")


def check_clocks(page, wall):
    """The wall clock of the page and of its worker is set."""
    ahead = [told / 1000 - time.time() for told in page.run("() => clocks()")]
    check(all(abs(one - wall.ahead_s) < HOUR_S / 4 for one in ahead), f"the clocks of page and worker are {ahead} s ahead, not {wall.ahead_s}")


def slew(wall):
    for _ in wall.slew(wall.ahead_s + SLEWED_S, SLEW_STEPS):
        time.sleep(LOOK_S / 2 / SLEW_STEPS)


def a_clock_that_is_set_breaks_nothing():
    relay = Relay()
    began = time.monotonic()
    publisher = publish(relay, "h264")
    wall = WallClock()
    browser = Browser(env=wall.env)
    element = ELEMENT.format(src=relay.url(PATH, "http"), attributes="")
    with Page(element + LISTEN + CLOCKS + SCRIPT, browser=browser) as page:
        def is_heard():
            page.until("() => player.state?.status === 'playing' && heard.contexts.at(-1)?.blocks.length > 500", 20, "it does not play with sound")

        is_heard()
        for ahead in STEPS:
            check_whole(page, wall, lambda: wall.set_ahead(ahead))
        check_whole(page, wall, lambda: slew(wall))
        # Another element, whose worker begins with another clock than its page.
        page.run("""() => {
            const next = player.cloneNode();
            player.replaceWith(next);
            Object.defineProperty(globalThis, "player", { value: next });
        }""")
        is_heard()
        position, most = page.run("() => player.currentTime"), time.monotonic() - began + clips.CLIPS["h264"].seconds
        check(0 < position < most, f"it is at {position} s, and the broadcast is {most} s long at most")
        check_equal(page.run("() => told.filter(({ type }) => type === 'error').length"), 0, "errors of the element")
    browser.close()
    publisher.kill()
    relay.stop()


TESTS = FIREFOX = [a_clock_that_is_set_breaks_nothing]
