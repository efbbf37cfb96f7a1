# SPDX-License-Identifier: MIT OR Apache-2.0
"""What scripts do with publishers and with viewers who are there already: they choose, look, and send away; /api/viewers names the
line."""

import base64
import json
import time

from luakit import *

REGIONS = """
local relay = require "relay"
relay.on("choose_source", function(path, candidates, cause)
  local best
  for place, candidate in ipairs(candidates) do
    local region = candidate.query:match("region=(%w+)")
    if not candidate.failed and not candidate.silent and (not best or region == "eu") then best = place end
  end
  relay.log("info", ("chosen %s of %d because %s"):format(candidates[best].query, #candidates, cause))
  return best
end)
"""

LOOK = """
local relay = require "relay"
relay.on("subscribe", function() return { latency = 700 } end)
relay.every(0.2, function()
  local viewers, place = relay.viewers { path = "demo/**", limit = 1 }
  local track, stats = relay.track "demo/clock", relay.stats()
  if viewers[1] and track and track.newest then
    relay.log("info", ("look: %d of %d, %d here, track has %d, %s, watched %d"):format(#viewers, stats.viewers, stats.here.viewers,
      track.viewers, viewers[1].track, viewers[1].watched > 0 and 1 or 0))
  end
end)
"""


def clock(relay, *more, query="", path=("demo", "clock")):
    names = [word for part in path for word in ("--path", part)]
    return Process([program("moq-clock"), "--tls-disable-verify", *names, relay.url("/" + query), *more])


def sees(process, lines=2):
    start = len(process.out)
    wait_until(lambda: len(process.out) >= start + lines, 20, f"no time is seen: {process.err[-3:]}")


def a_script_chooses_the_publisher_and_the_next_one_follows():
    for workers in (1, 2):
        relay = ScriptRelay("regions", REGIONS, modules=(), workers=workers)
        us = clock(relay, "--publish", query="?region=us", path=("live", "clock"))
        wait_until(lambda: relay.stats()["announcements"] == 1, 10, "the first publisher is not there")
        eu = clock(relay, "--publish", query="?region=eu", path=("live", "clock"))
        wait_until(lambda: relay.stats()["announcements"] == 2, 10, "the second publisher is not there")
        viewer = clock(relay, path=("live", "clock"))
        sees(viewer)
        wait_until(lambda: relay.said("chosen region=eu of 2 because watched"), 10, "the script was not asked")
        eu.end()
        sees(viewer, 3)
        check(viewer.is_running(), f"the viewer has ended: {viewer.err}")
        for process in (viewer, us):
            process.end()
        ends_well(relay)


BY_CLAIM = """
local relay = require "relay"
relay.on("subscribe", function(viewer, want)
  if viewer.peer.query.of then return { source = viewer.peer.query.of } end
  for _, candidate in ipairs(want.candidates or {}) do
    if candidate.feeding then relay.log("info", "look: fed by " .. candidate.identity) end
    if candidate.claims.region == viewer.peer.query.region then return { source = candidate.id } end
  end
end)
"""


def a_subscription_names_its_publisher():
    key = Key("sources", "a", "HS256")
    with open(key.private) as file:
        secret = base64.urlsafe_b64decode(json.load(file)["k"] + "==")

    def token(region):
        return "jwt=" + hs256(secret, {"put": "", "get": "", "exp": int(time.time()) + 3600, "sub": region + "-1", "region": region}, kid="a")

    def watch(wanted):
        viewer = clock(relay, query=f"?{token('us')}&{wanted}", path=("live", "clock"))
        sees(viewer)
        return viewer

    relay = ScriptRelay("sources", BY_CLAIM, modules=[f"auth: {{ keys: {key.private} }}"])
    processes = []
    for count, region in enumerate(("us", "eu", "asia"), 1):
        processes.append(clock(relay, "--publish", query="?" + token(region), path=("live", "clock")))
        wait_until(lambda: relay.stats()["announcements"] == count, 10, "a publisher is not there")
    for wanted, fed_by in (("region=us", "us-1"), ("of=eu-1", "eu-1"), ("region=us", "us-1"), ("of=nobody", "us-1")):
        processes.append(watch(wanted))
        looks = len(relay.said("look: fed by"))
        processes.append(watch("look=1"))
        check_equal([line.split()[-1] for line in relay.said("look: fed by")[looks:]], [fed_by], f"who feeds the track after {wanted}")
    for viewer in processes[3:]:
        sees(viewer)
    for process in processes:
        process.end()
    ends_well(relay)


def colour_clip(colour):
    """Ten seconds of one colour, with a group a second. Two of them have the same catalog."""
    path = scratch(colour + ".mp4")
    status, _, err = run(["ffmpeg", "-nostdin", "-y", "-v", "error", "-f", "lavfi", "-i", f"color={colour}:size=160x90:rate=25:duration=10",
                          "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", path], 60)
    check_equal(status, 0, f"ffmpeg makes a clip: {err}")
    return path


def colours_in(path):
    """Which of red and blue come after each other in what was recorded."""
    status, out, err = run(["ffmpeg", "-v", "error", "-i", path, "-vf", "scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], 60)
    check_equal((status, err), (0, ""), f"decoding {path}")
    names = ["red" if red > blue else "blue" for red, blue in zip(out[::3], out[2::3])]
    return [name for i, name in enumerate(names) if i == 0 or name != names[i - 1]]


def grows(path, words):
    """Waits until as much as two groups and more has been recorded."""
    start = os.path.getsize(path) if os.path.exists(path) else 0
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > start + 15000, 30, words)


def media_of_two_origins_is_chosen_and_goes_on():
    """Two moq-karp publish have instances of their own, which region.lua makes one."""
    clips = {"us": colour_clip("red"), "eu": colour_clip("blue")}
    for workers in (1, 2):
        relay = ScriptRelay("origins", None, "params: { regions: [eu, us] }", modules=(), workers=workers,
                            file=os.path.join(POLICIES, "region.lua"))
        origins = {}
        for count, region in enumerate(("eu", "us"), 1):  # the newest is not the nearest
            origins[region] = Publisher(relay.url(f"/show?region={region}"), clips[region], "-stream_loop", "-1")
            wait_until(lambda: relay.stats()["announcements"] == 2 * count, 20, f"the origin {region} is not there")
        out = scratch(f"origins-{workers}.mp4")
        viewer = subscriber(relay.url("/show"), out)
        grows(out, "nothing of the first origin comes")
        origins["eu"].kill()
        grows(out, "nothing of the second origin comes")
        check(viewer.end() in (0, 4), f"how the viewer ends, who may lack the rest of a group: {viewer.err}")
        check_equal(colours_in(out), ["blue", "red"], f"what came with {workers} workers")
        origins["us"].end()
        ends_well(relay)


def the_main_encoder_is_back_with_the_next_viewer():
    key = Key("encoders", "a", "HS256")
    with open(key.private) as file:
        secret = base64.urlsafe_b64decode(json.load(file)["k"] + "==")
    clips = {"spare": colour_clip("red"), "main": colour_clip("blue")}
    relay = ScriptRelay("encoders", None, "params: { order: [main, spare], patience: 1 }", workers=2,
                        modules=[f'auth: {{ keys: {key.private}, anonymous: {{ subscribe: ["**"] }} }}'],
                        file=os.path.join(POLICIES, "failover.lua"))

    def encoder(name):
        token = hs256(secret, {"put": "", "exp": int(time.time()) + 3600, "sub": name}, kid="a")
        before = relay.stats()["announcements"]
        publisher = Publisher(relay.url(f"/show?jwt={token}"), clips[name], "-stream_loop", "-1")
        wait_until(lambda: relay.stats()["announcements"] >= before + 2, 20, f"the encoder {name} is not there")
        return publisher

    def watch(name):
        viewer = subscriber(relay.url("/show"), scratch(name))
        grows(scratch(name), f"nothing comes for {name}")
        return viewer

    encoders = [encoder("main"), encoder("spare")]
    first = watch("first.mp4")
    encoders[0].end()
    grows(scratch("first.mp4"), "nothing of the spare comes")
    encoders.append(encoder("main"))
    time.sleep(2)  # longer than its patience
    second = watch("second.mp4")
    wait_until(lambda: relay.said("comes from main now"), 20, "the main encoder is not chosen again")
    grows(scratch("first.mp4"), "nothing of the main encoder comes")
    for name, viewer, expected in (("first.mp4", first, ["blue", "red", "blue"]), ("second.mp4", second, ["blue"])):
        check(viewer.end() in (0, 4), f"how {name} ends, which may lack the rest of a group: {viewer.err}")
        check_equal(colours_in(scratch(name))[-len(expected):], expected, f"what came in {name}")
    for publisher in encoders[1:]:
        publisher.end()
    ends_well(relay)


def who_is_banned_by_a_reload_is_sent_away():
    relay = ScriptRelay("kick", None, file=os.path.join(POLICIES, "kick.lua"))
    viewer = clock(relay, "--no-reconnect")
    sees(viewer)
    with open(relay.path) as file:
        text = file.read()
    with open(relay.path, "w") as file:
        file.write(text.replace("kick.lua }", 'kick.lua, params: { addresses: ["127.0.0.1", "::1"], reason: go home } }'))
    relay.send(signal.SIGHUP)
    check_equal(viewer.wait(20), 1, f"how the viewer ends: {viewer.err}")
    check(any("go home" in line for line in viewer.err), f"it is not told why: {viewer.err}")
    late = clock(relay, "--no-reconnect")
    check_equal(late.wait(20), 1, "how one ends that comes later")
    check(any("go home" in line or "403" in line for line in late.err), f"it is not told why: {late.err}")
    check_equal(relay.counters()["kicked"], 1, "counter kicked")
    ends_well(relay)


def a_script_looks_around_and_its_line_is_shown():
    relay = ScriptRelay("look", LOOK)
    with open(relay.path) as file:
        text = file.read()
    relay.end()
    with open(relay.path, "w") as file:
        file.write(text.replace("address: listen", "address: listen, viewers: true"))
    relay = Relay(port=relay.port, argv=[program("moq-relay"), relay.path])
    viewers = [clock(relay) for _ in range(2)]
    for viewer in viewers:
        sees(viewer)
    wait_until(lambda: any("look: 1 of 2, 2 here, track has 2, demo/clock, watched 1" in line for line in relay.err), 10, f"it sees: {relay.err[-3:]}")
    shown = json.loads(relay.get("/api/viewers"))["viewers"]
    check("look.lua:3" in json.dumps(shown[0]), f"the line that set the latency is not shown: {shown[0]}")
    for viewer in viewers:
        viewer.end()
    relay.stop()


TESTS = [a_script_chooses_the_publisher_and_the_next_one_follows, media_of_two_origins_is_chosen_and_goes_on,
         the_main_encoder_is_back_with_the_next_viewer, a_subscription_names_its_publisher, who_is_banned_by_a_reload_is_sent_away,
         a_script_looks_around_and_its_line_is_shown]
