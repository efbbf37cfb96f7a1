# SPDX-License-Identifier: MIT OR Apache-2.0
"""Scripts that do what they should not, in every hook, and many reloads; others who watch on the same worker keep every frame.

MOQ_LUA_FULL=1 runs 1,000 reloads under 200 viewers, and prints what the worst tricks cost others."""

import json
import os
import signal
import time

from luakit import *

IS_FULL = os.environ.get("MOQ_LUA_FULL") == "1"
RELOADS, WATCHERS = (1000, 200) if IS_FULL else (60, 30)

# Each of them ends in a fault: of its budget, of its memory, or because something is not there.
TRICKS = {
    "loop": "while true do end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "xpcall": "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "coroutine": "while true do coroutine.wrap(function() while true do pcall(coroutine.yield) end end)() end",
    "resume": "local f f = function() return coroutine.resume(coroutine.create(f)) end while true do f() end",
    "index": "local t = setmetatable({}, {__index = function(t, k) while true do end end}) return t.x",
    "tostring": "local t = setmetatable({}, {__tostring = function() while true do end end}) while true do tostring(t) end",
    "gc": "while true do setmetatable({}, {__gc = function() while true do end end}) end",
    "sort": "local t = {} for i = 1, 9999 do t[i] = i % 7 end while true do table.sort(t, function(a, b) return true end) end",
    "gsub": '("x"):rep(1000):gsub(".", function() while true do end end)',
    "recursion": "local function f() return 1 + f() end while true do pcall(f) end",
    "giant": '("x"):rep(2 ^ 30)',
    "doubling": 'local s = "x" while true do s = s .. s end',
    "table": "local t = {} for i = 1, 1e9 do t[i] = {} end",
    "pattern": '("a"):rep(4000):find(("a*"):rep(60) .. "b")',
    "format": 'while true do ("%99d"):rep(900):format(1) end',
    "concat": 'local t = {} for i = 1, 5000 do t[i] = ("x"):rep(1000) end table.concat(t, ("y"):rep(1000))',
    "error table": "error(setmetatable({}, {__tostring = function() error('again') end}))",
    "error nil": "error()",
    "library": "return (ffi or io or debug or package or jit or loadstring or load or dofile or rawset or newproxy).x",
    "require": 'require "ffi"',
    "system": 'os.execute("true")',
    "bytecode": "return string.dump(function() end)",
    "text metatable": 'getmetatable("").__index = nil',
    "global": "escaped = 1",
    "library table": "string.rep = nil error('changed')",
}
ANSWERS = {  # of subscribe, announce and connect; sample answers with the same
    "nan": "{ latency = 0 / 0 }", "huge": "{ latency = 2 ^ 64 }", "negative": "{ latency = -1 }", "infinite": "{ priority = 1 / 0 }",
    "text": '{ latency = "soon" }', "unknown": "{ latncy = 1 }", "number key": "{ 5 }", "a number": "5", "a function": "print",
    "a path": '{ path = ("x"):rep(2000) }', "a zero byte": '{ path = "a\\0b" }', "a table": "{ path = {} }",
}
HOOKS = ("connect", "announce", "subscribe", "sample", "leave", "timer")


def hostile_script():
    tricks = "".join(f"[{json.dumps(name)}] = function() {text} end, " for name, text in TRICKS.items())
    answers = "".join(f"[{json.dumps(name)}] = function() return {text} end, " for name, text in ANSWERS.items())
    return f"""
        local relay = require "relay"
        local tricks = {{ {tricks} {answers} }}
        local function play(peer, hook)
          if peer.query.at == hook then return tricks[peer.query.trick]() end
        end
        relay.on("connect", function(peer)
          if peer.query.at == "timer" then relay.after(0.001, tricks[peer.query.trick]) end
          return play(peer, "connect")
        end)
        relay.on("announce", function(peer, path) return play(peer, "announce") end)
        relay.on("subscribe", function(viewer, want) return play(viewer.peer, "subscribe") end)
        relay.on("sample", function(viewer) return play(viewer.peer, "sample") end)
        relay.on("leave", function(viewer) return play(viewer.peer, "leave") end)"""


class Watchers:
    """moq-bench, whose viewers are others on the same worker."""

    def __init__(self, relay, count):
        self.process = Process([program("moq-bench"), "--json", "--tls-disable-verify", "--viewers", str(count), "--fps", "10", "--size", "500",
                                "--group", "1s", "--warm-up", "100ms", "--duration", "30m", relay.url("/bench")])
        self.process.wait_for('"event":"measuring"', 60, "out")

    def end(self):
        """What they have seen."""
        self.process.send(signal.SIGINT)
        self.process.wait(30)
        return json.loads([line for line in self.process.out if '"summary"' in line][-1])["summary"]["viewers"]["ordinary"]


def check_all_frames(seen):
    lost = {name: seen[name] for name in ("lost", "groups_lost", "groups_reset", "groups_short", "broken", "sessions_lost", "refused")}
    check_equal(lost, dict.fromkeys(lost, 0), "what others have lost")
    check(seen["frames"] > 0, "others see frames")


def play(relay, probe, hook, trick):
    """Lets the script play this trick in this hook, once or more. Returns when it has."""
    faults, query = f"{hook}_faults", f"at={hook}&trick={trick.replace(' ', '+')}"
    before = relay.counters()[faults]
    verb = {"connect": "connect", "timer": "connect", "announce": "announce", "subscribe": "subscribe", "leave": "subscribe", "sample": "view"}[hook]
    what = [] if verb == "connect" else ["demo/clock"] if verb != "announce" else ["hostile/x"]
    if hook == "sample":
        viewer = probe.ask(relay, verb, *what, query=query)
        probe.wait_until_said(viewer, "frame ")
    else:
        get(relay, verb, *what, query=query)
    wait_until(lambda: relay.counters()[faults] > before, 20, f"{trick} in {hook} is a fault")


def tricks_in_every_hook_harm_nobody():
    relay = ScriptRelay("hostile", hostile_script(), "faults: off", "on_fault: pass", "budget: 2ms", "memory: 8MiB")
    watchers, probe = Watchers(relay, 10), Probe()
    for trick in TRICKS:
        for hook in ("connect", "subscribe", "leave", "timer"):
            play(relay, probe, hook, trick)
    for trick in ("loop", "giant", "library", "resume"):
        for hook in ("announce", "sample"):
            play(relay, probe, hook, trick)
    probe.end()
    seen = watchers.end()
    check_all_frames(seen)
    check_equal(get(relay, "subscribe", "demo/clock")[:6], "frame ", "the script still answers")
    if IS_FULL:
        print(f"  others, while tricks are played: {seen['latency']}", flush=True)
    ends_well(relay)


def answers_that_make_no_sense_are_faults():
    relay = ScriptRelay("answers", hostile_script(), "faults: off", "on_fault: pass")
    probe = Probe()
    for name in ANSWERS:
        play(relay, probe, "subscribe", name)
    for name in ("nan", "huge", "text", "unknown", "a number"):
        play(relay, probe, "connect", name)
        play(relay, probe, "sample", name)
        play(relay, probe, "announce", name)
    check(relay.said("there is no field \"latncy\" here"), f"the reason is in the log: {relay.err[-3:]}")
    probe.end()
    ends_well(relay)


def tricks_while_loading_change_nothing():
    relay = ScriptRelay("loading", 'require("relay").on("connect", function() return false, "first" end)', "load_budget: 20ms", "memory: 8MiB", "watch: false")
    for name, text in TRICKS.items():
        if name not in ("global", "library table"):  # these two are allowed while a script loads
            relay.reload(f"local function play() {text} end play()", "stays in use")
            time.sleep(0.15)  # the log takes ten lines of a kind in a second
    check_equal(get(relay, "connect"), "lost: the server answered with status 403: first", "the first script stays")
    check_equal(relay.counters()["scripts"], 1, "scripts")
    ends_well(relay)


def many_reloads_lose_no_frame():
    text = ('local relay = require "relay"\nrelay.after(0.001, relay.counter("loads"))\n'
            'relay.on("subscribe", function(viewer) viewer.since = os.time() end)\n'
            'local kept, lost = relay.counter("kept"), relay.counter("forgotten")\n'
            'relay.on("sample", function(viewer) (viewer.since and kept or lost)() return { latency = 20000 + %d } end)\n')
    relay = ScriptRelay("reloads", text % 0, "watch: false", workers=2)
    watchers = Watchers(relay, WATCHERS)
    for i in range(RELOADS):  # the log would hold back the lines of so many
        write_script(relay.script, text % i)
        relay.send(signal.SIGHUP)
        wait_until(lambda: relay.counters()["loads"] == 2 * (i + 2), 20, f"reload {i}")
    wait_until(lambda: relay.counters()["kept"] >= WATCHERS, 20, "samples")
    counters, seen = relay.counters(), watchers.end()
    check_all_frames(seen)
    check_equal({name: counters[name] for name in ("scripts", "generation", "forgotten", "sample_faults")},
                {"scripts": 2, "generation": RELOADS + 1, "forgotten": 0, "sample_faults": 0}, "counters")
    if IS_FULL:
        print(f"  {RELOADS} reloads, {WATCHERS} viewers: {seen['frames']} frames, {seen['latency']}", flush=True)
    ends_well(relay)


TESTS = [tricks_in_every_hook_harm_nobody, answers_that_make_no_sense_are_faults, tricks_while_loading_change_nothing, many_reloads_lose_no_frame]

if __name__ == "__main__":
    main(TESTS)
