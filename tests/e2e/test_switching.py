# SPDX-License-Identifier: MIT OR Apache-2.0
"""Viewers that a script moves between the renditions of a ladder: what they export decodes without an error, and no time is missing
or comes twice."""

import json

from luakit import *
from test_ladder import KARP, one_file, publish

FRAME_S = 1 / 25

MOVES = """
local relay = require "relay"
local names = { "video1", "video2", "video3", "video2" }
relay.on("sample", function(viewer)
  if not viewer.ladder then return end
  viewer.since = viewer.since or relay.now()
  local turn = math.floor((relay.now() - viewer.since) / 3) % 4 + 1
  return { track = names[turn] }
end)
relay.on("leave", function(viewer)
  if viewer.ladder then relay.log("info", "it left " .. viewer.track .. " of " .. #viewer.ladder) end
end)
"""


def subscriber(relay, path, out, *options):
    return Process([KARP, "--tls-disable-verify", "subscribe", relay.url(path), "-o", out, "--latency", "10s", *options])


def ends(process, words):
    check_equal(process.wait(60), 0, f"{words}: {process.err[-5:]}")


def packets(path):
    status, out, err = run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "json", path], 60)
    check_equal(status, 0, err)
    return sorted(float(packet["pts_time"]) for packet in json.loads(out)["packets"])


def sizes(path):
    """The sizes of pictures, in the order in which they came."""
    status, out, err = run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=width", "-of", "csv=p=0", path], 60)
    check_equal((status, err), (0, ""), "decoding")
    widths = [int(line.strip(b",")) for line in out.split()]
    return [width for i, width in enumerate(widths) if i == 0 or width != widths[i - 1]]


def check_seamless(path, least):
    status, _, err = run(["ffmpeg", "-v", "error", "-xerror", "-i", path, "-map", "0", "-f", "null", "-"], 60)
    check_equal((status, err), (0, ""), f"decoding {path}")
    times = packets(path)
    check(len(times) >= least, f"only {len(times)} pictures came")
    steps = [later - earlier for earlier, later in zip(times, times[1:])]
    check(all(abs(step - FRAME_S) < FRAME_S / 4 for step in steps), f"times have gaps or repetitions: {[s for s in steps if abs(s - FRAME_S) > 0.01][:5]}")


def moved(workers, begin, viewers):
    """Runs a broadcast of 14 s past two viewers of `viewers`. It ends between two moves: one that it cut off would count as failed."""
    relay = ScriptRelay("moves", MOVES, modules=(f"ladder: {{ begin: {begin} }}",), workers=workers)
    source = one_file(14)
    out = {name: scratch(f"{name}-{workers}.mp4") for name in ("first", "second")}
    watching = [subscriber(relay, "/show", path, "--video", viewers) for path in out.values()]
    publisher = publish(relay, "/show", [source], "--auto", "--live", "--wait-viewer")
    for process in (*watching, publisher):
        ends(process, "a viewer or the publisher")
    wait_until(lambda: relay.stats()["viewers"] == 0, 10, "the viewers are not gone")
    stats = relay.stats()
    check(stats["switches_total"] >= 4, f"only {stats['switches_total']} moves")
    check_equal(stats["switches_failed_total"], 0, "moves that failed")
    check(relay.said("it left show/"), "the script did not see it leave")
    ends_well(relay)
    return out


def a_moved_viewer_sees_one_stream():
    for workers in (1, 2):
        for path in moved(workers, "highest", "auto").values():
            check_seamless(path, 13 * 25)
            check(len(sizes(path)) >= 3, f"sizes of pictures: {sizes(path)}")


def a_viewer_of_any_rendition_may_be_moved():
    for path in moved(1, "lowest", "video2").values():
        check_seamless(path, 13 * 25)


def only_viewers_of_auto_are_moved_if_the_configuration_says_so():
    relay = ScriptRelay("moves", MOVES, modules=("ladder: { viewers: automatic, begin: middle }",))
    source = one_file(4)
    watching = subscriber(relay, "/show", scratch("stays.mp4"), "--video", "video3")
    publisher = publish(relay, "/show", [source], "--auto", "--wait-viewer")
    ends(watching, "the viewer")
    ends(publisher, "the publisher")
    check_equal(relay.stats()["switches_total"], 0, "moves")
    check_equal(sizes(scratch("stays.mp4")), [160], "sizes of pictures")
    ends_well(relay)


# ---- Ladders of relay.yaml ---------------------------------------------------------------------------------------

# The cap is below the rate of the best rendition, so a viewer of it falls behind. The catalog knows video2, too.
CLASS = """
  classes:
    - match: "show/**"
      rate: 400kbps
      ladder: [{ track: video1, rate: 800kbps }, { track: video3, rate: 100kbps }]
"""

COUNTS = """
relay.on("leave", function(viewer)
  if viewer.ladder then relay.log("info", "it had " .. #viewer.ladder .. " renditions") end
end)
"""


def write_class(path, port, *modules):
    with open(path, "w") as file:
        file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp: {{ address: listen, viewers: true }}\n'
                   f"workers: 1\npolicy:{CLASS}modules: [{', '.join(modules)}]\n")


def relay_with_class(name, *modules):
    port, path = free_port(), scratch(name + ".yaml")
    write_class(path, port, *modules)
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    relay.path = path
    return relay


def shown(relay, name):
    """The row of the viewer that has asked for the track of this name, once it is there."""
    def find():
        return [row for row in json.loads(relay.get("/api/viewers"))["viewers"] if row["path"].endswith("/" + name)]
    wait_until(find, 30, f"nobody watches {name}")
    return find()[0]


def a_viewer_of_a_ladder_in_relay_yaml_is_moved_down():
    """Without the module ladder, and behind relay.yaml with it."""
    source = one_file(20)
    with open(os.path.join(POLICIES, "broadcast.lua")) as file:
        script = write_script(scratch("class.lua"), file.read() + COUNTS)
    for number, modules in enumerate(((), ("ladder",))):
        relay = relay_with_class(f"class-{number}", *modules, f"{{ lua: {{ script: {script} }} }}")
        watching = subscriber(relay, "/show", scratch(f"class-{number}.mp4"), "--video", "video1")
        publisher = publish(relay, "/show", [source], "--auto", "--live", "--wait-viewer")
        check_equal(shown(relay, "video1")["set_by"]["rate"], "class 1 (show/**)", "who set its cap")
        wait_until(lambda: shown(relay, "video1")["track"].endswith("/video3"), 30, "it is not moved")
        check_equal(shown(relay, "video1")["set_by"]["rendition"], "lua", "who moved it")
        check(relay.stats()["switches_total"] >= 1, "no move is counted")
        for process in (watching, publisher):
            process.end()
        wait_until(lambda: any("it had 2 renditions" in line for line in relay.err), 15, f"the script does not see 2 renditions: {relay.err[-3:]}")
        ends_well(relay)


def maps_lua(relay):
    """The files of Lua in its memory."""
    with open(f"/proc/{relay.popen.pid}/maps") as file:
        return [line.split()[-1] for line in file if "luajit" in line or "/lua.so" in line]


def lua_without_a_script_moves_viewers():
    """One word in relay.yaml is enough, and without that word there is no Lua in the process."""
    source = one_file(20)
    relay = relay_with_class("shipped", "lua")
    check(any("no script is named; " in line and line.endswith("/policies/broadcast.lua chooses renditions") for line in relay.err),
          f"it does not say what it runs: {relay.err}")
    watching = subscriber(relay, "/show", scratch("shipped.mp4"), "--video", "video1")
    publisher = publish(relay, "/show", [source], "--live", "--wait-viewer")
    wait_until(lambda: shown(relay, "video1")["track"].endswith("/video3"), 30, "it is not moved")
    check_equal(shown(relay, "video1")["set_by"]["rendition"], "lua", "who moved it")
    for process in (watching, publisher):
        process.end()
    has_lua = maps_lua(relay)
    ends_well(relay)
    plain = relay_with_class("plain")
    if any(name.endswith("/lua.so") for name in has_lua):  # not where modules are linked in
        check_equal(maps_lua(plain), [], "Lua in a relay without a script")
    ends_well(plain)


def a_script_is_named_by_a_reload():
    """From the one that ships to one's own, and back."""
    relay = relay_with_class("named", "lua")
    script = write_script(scratch("named.lua"), 'local relay = require "relay"\nrelay.on("load", function() relay.log("info", "mine is here") end)\n')
    for setting, words in ((f"{{ lua: {{ script: {script} }} }}", "mine is here"), ("lua", "no script is named")):
        before = len(relay.err)
        write_class(relay.path, relay.port, setting)
        relay.send(signal.SIGHUP)
        wait_until(lambda: any(words in line for line in relay.err[before:]), 15, f"a reload does not say {words!r}: {relay.err[before:]}")
        wait_until(lambda: any("reloaded" in line for line in relay.err[before:]), 15, f"it is not reloaded: {relay.err[before:]}")
    ends_well(relay)


TESTS = [a_moved_viewer_sees_one_stream, a_viewer_of_any_rendition_may_be_moved,
         only_viewers_of_auto_are_moved_if_the_configuration_says_so, a_viewer_of_a_ladder_in_relay_yaml_is_moved_down,
         lua_without_a_script_moves_viewers, a_script_is_named_by_a_reload]
