# SPDX-License-Identifier: MIT OR Apache-2.0
"""Scripts in a relay: what each hook sees and may answer, reloads, and scripts that misbehave."""

from luakit import *


# ---- Hooks -------------------------------------------------------------------------------------------------------

def a_peer_is_a_table_that_lives_as_long():
    relay = ScriptRelay("peer", """
        local relay = require "relay"
        relay.on("connect", function(peer)
          print("peer", peer.id > 0, peer.sni, peer.path, peer.transport, peer.query.mode, peer.query.jwt, peer.identity, peer.claims.x)
          peer.mine = "kept"
        end)
        relay.on("subscribe", function(viewer, want)
          print("want", want.path, want.kind, want.priority, viewer.peer.mine, viewer.peer.version)
        end)""")
    check_equal(get(relay, "subscribe", "demo/clock", query="mode=a%20b", token="t.o.k", page="/room", version="03")[:6], "frame ", "the clock")
    get(relay, "info", "demo/clock")
    relay.wait_for("peer true localhost /room webtransport a b nil nil nil")
    relay.wait_for("want demo/clock subscribe 128 kept 3")
    relay.wait_for("want demo/clock info nil kept")
    ends_well(relay)


def refusals_are_told_with_their_reason():
    relay = ScriptRelay("refusals", """
        local relay = require "relay"
        relay.on("connect", function(peer) if peer.query.bad then return false, "not you", peer.query.bad end end)
        relay.on("announce", function(peer, path) if path == "secret" then return false, "not that" end end)
        relay.on("subscribe", function(viewer, want) if want.path:match("^secret") then return false end end)""")
    for word, status in (("unauthorized", 401), ("forbidden", 403), ("not+found", 404), ("busy", 503)):
        check_equal(get(relay, "connect", query=f"bad={word}"), f"lost: the server answered with status {status}: not you", word)
    check(get(relay, "subscribe", "secret/x").startswith("no: "), "a track that may not be watched")
    probe = Probe()
    check_equal(probe.get(relay, "announce", "secret"), "in", "a publisher comes in")
    relay.wait_for("may not publish secret: not that")
    probe.end()
    ends_well(relay)


def connect_can_grant():
    relay = ScriptRelay("grants", """
        local relay = require "relay"
        relay.on("connect", function(peer)
          return { identity = "anna", subscribe = { "demo" }, publish = {}, expires = os.time() + tonumber(peer.query.s) }
        end)""")
    check_equal(get(relay, "subscribe", "demo/clock", query="s=60")[:6], "frame ", "what is granted")
    check(get(relay, "subscribe", "other", query="s=60").startswith("no: "), "what is not granted")
    relay.wait_for("anna")
    probe = Probe()
    viewer = probe.ask(relay, "view", "demo/clock", query="s=2")
    probe.wait_until_said(viewer, "lost: ")
    relay.wait_for("its token has expired")
    probe.end()
    ends_well(relay)


def paths_can_be_others():
    relay = ScriptRelay("paths", """
        local relay = require "relay"
        relay.on("announce", function(peer, path) return { path = "renamed/" .. path } end)
        relay.on("subscribe", function(viewer, want)
          viewer.asked = want.path
          if want.path == "alias" then return { path = "renamed/real" } end
          if want.path == "astray" then return { path = "nobody/knows" } end
        end)
        relay.on("leave", function(viewer) print("left", viewer.asked, viewer.path, viewer.track) end)""")
    publisher = Probe()
    publisher.publish(relay, "real")
    check_equal(get(relay, "subscribe", "alias"), "frame hello", "a track under another path")
    relay.wait_for("left alias alias renamed/real")
    check(get(relay, "subscribe", "astray")[:6] != "frame ", "a track that nobody publishes")
    relay.wait_for("asked for astray and was sent to nobody/knows, which brings nothing")
    publisher.end()
    ends_well(relay)


def viewers_are_served_as_the_script_says_while_they_watch():
    relay = ScriptRelay("policy", """
        local relay = require "relay"
        local first, second, left, other = relay.counter("first"), relay.counter("second"), relay.counter("left"), relay.counter("other")
        local function served(viewer) return viewer.latency .. " " .. viewer.order .. " " .. viewer.priority end
        local function expect(holds, count, text) if holds then count() else other() print("not as expected:", text) end end
        relay.on("subscribe", function(viewer, want) viewer.n = 0 return { latency = 4000, order = "oldest", priority = 200 } end)
        relay.on("sample", function(viewer)
          viewer.n = viewer.n + 1
          if viewer.n == 1 then expect(served(viewer) == "4000 oldest 200", first, served(viewer)) return { latency = 250 } end
          if viewer.n == 2 then expect(served(viewer) == "250 oldest 200" and viewer.rtt_ms > 0 and viewer.loss == 0, second, served(viewer)) end
          if viewer.n == 4 then return "close" end
        end)
        relay.on("leave", function(viewer) expect(viewer.n == 4 and viewer.bytes_sent > 0, left, viewer.n) end)""", workers=4)
    probe = Probe()
    viewers = [probe.ask(relay, "view", "demo/clock") for _ in range(4)]
    for viewer in viewers:
        probe.wait_until_said(viewer, "no: ")
    wait_until(lambda: relay.counters()["left"] == 4, 15, "the viewers leave")
    check_equal([relay.counters()[name] for name in ("first", "second", "other", "sample_faults", "leave_faults")], [4, 4, 0, 0, 0], "what subscribe and sample have answered")
    probe.end()
    ends_well(relay)


def claims_come_from_auth():
    key = Key("lua", "a", "ES256")
    relay = ScriptRelay("claims", "", "params: { plans: { gold: 220 } }", file=os.path.join(POLICIES, "premium.lua"),
                        modules=[f"auth: {{ keys: {key.public} }}", "clock: { path: demo/clock }"])
    secret = key.jwk()
    check(secret["kid"] == "a", "a key")
    token = key.sign("--subscribe", "")
    check_equal(get(relay, "subscribe", "demo/clock", token=token)[:6], "frame ", "a viewer without a plan")
    check_equal(relay.counters()["viewers_without_a_plan"], 1, "it is counted")
    ends_well(relay)


def timers_and_what_workers_share():
    relay = ScriptRelay("timers", """
        local relay = require "relay"
        local count = relay.counter("ticks")
        local n = 0
        local id
        id = relay.every(0.02, function() n = n + 1 count() if n == 5 then relay.cancel(id) relay.shared.add("done") end end)
        for i = 1, 1000 do relay.cancel(relay.after(0.01, function() count(1000) end)) end
        relay.after(0.01, function() for i = 1, 1000 do relay.cancel(relay.after(3600, count)) end end)
        relay.after(0.01, function() relay.after(0.4, function() print("shared", relay.shared.get("done"), relay.shared.get("none")) end) end)
        relay.shared.set("text", "x")""", workers=3)
    wait_until(lambda: len(relay.said("shared 3 nil")) == 3, 15, "all workers' timers")
    check_equal(relay.counters()["ticks"], 15, "ticks of three workers")
    check_equal(relay.counters()["timer_faults"], 0, "faults")
    ends_well(relay)


def scripts_require_what_is_in_their_directories():
    folder = scratch("lib")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "helper.lua"), "w") as file:
        file.write('local relay = require "relay"\nreturn { words = function() return "from the helper" end }\n')
    relay = ScriptRelay("require", """
        local helper = require "helper"
        assert(helper == require "helper")
        print(helper.words())""", f"directories: [{folder}]")
    relay.wait_for("from the helper")
    for text, words in (('require "../lib/helper"', "no name of a module"), ('require "nothing"', "there is no nothing.lua"),
                        ("require(5)", "no 5.lua")):
        relay.reload(text, words)
    ends_well(relay)


OPEN_GATE = """
#include <relay/module.h>
static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    (void)peer, (void)request;
    return RELAY_ALLOW;
}
static const struct relay_hooks hooks = {.size = sizeof hooks, .session_open = session_open};
RELAY_MODULE = {RELAY_MODULE_HEAD, .name = "gate", .version = "1", .hooks = &hooks};
"""


def peers_that_another_module_lets_in_are_seen_without_connect():
    source, module = scratch("gate.c"), scratch("gate.so")
    with open(source, "w") as file:
        file.write(OPEN_GATE)
    status, _, err = run(["cc", "-std=c11", "-shared", "-fPIC", "-I", os.path.join(TOP, "server/include"), source, "-o", module])
    check_equal(status, 0, f"compiling the gate: {err}")
    relay = ScriptRelay("gate", """
        local relay = require "relay"
        local seen, other = relay.counter("seen"), relay.counter("other")
        relay.on("connect", other)
        relay.on("subscribe", function(viewer, want) viewer.peer.mine = "p" return { latency = 700 } end)
        relay.on("sample", function(viewer)
          local new = viewer.mine == nil and viewer.peer.mine == nil and viewer.peer.transport == "webtransport"
          if viewer.latency == 700 and (new or viewer.mine and viewer.peer.mine) then seen() else other() end
          viewer.mine, viewer.peer.mine = true, true
        end)""", modules=["clock: { path: demo/clock }", module])
    probe = Probe()
    viewer = probe.ask(relay, "view", "demo/clock")
    probe.wait_until_said(viewer, "frame ")
    wait_until(lambda: relay.counters()["seen"] >= 3, 15, "samples")
    check_equal((relay.counters()["other"], relay.counters()["connect_calls"], relay.counters()["sample_faults"]), (0, 0, 0), "surprises")
    probe.end()
    ends_well(relay)


def a_full_memory_harms_one_call():
    relay = ScriptRelay("full", """
        local relay = require "relay"
        relay.on("connect", function(peer) peer.mine = {} for i = 1, 1e9 do peer.mine[i] = ("x"):rep(1e5) .. i end end)
        relay.on("subscribe", function(viewer, want) end)""", "memory: 1MiB", "faults: off", "on_fault: pass", "budget: 100ms")
    for _ in range(20):  # a table that outlives its peer would fill the memory for ever
        check_equal(get(relay, "subscribe", "demo/clock")[:6], "frame ", "the clock")
    check_equal([relay.counters()[name] for name in ("connect_faults", "subscribe_calls", "subscribe_faults")], [20, 20, 0], "faults")
    check(relay.said("its memory of 1 MiB is full"), f"the reason is in the log: {relay.err[-5:]}")
    ends_well(relay)


# ---- Reloads -----------------------------------------------------------------------------------------------------

def a_broken_script_changes_nothing():
    good = 'local relay = require "relay"\nrelay.on("connect", function(peer) return false, "VERSION" end)\n'
    relay = ScriptRelay("reload", good.replace("VERSION", "one"), workers=2)
    check_equal(get(relay, "connect"), "lost: the server answered with status 403: one", "the first script")
    for text, words in (("return return", "reload.lua:1: "), ('error("oh no")', "reload.lua:1: oh no"), ("while true do end", "longer than its budget"),
                        ('require("relay").on("load", function() return false, "not today" end)', "load refuses: not today"),
                        ('require("relay").on("conect", function() end)', 'there is no hook "conect"')):
        said = relay.reload(text, "the old one stays in use")
        check(any(words in line for line in said), f"the log has no {words!r}: {said}")
        check_equal(get(relay, "connect"), "lost: the server answered with status 403: one", "the old script stays")
        status, _, err = run([program("moq-relay"), "--check", relay.path])
        check(status == 2 and words in err and "reload.yaml:" in err, f"--check: {status} {err}")
    relay.reload(good.replace("VERSION", "two"))
    check_equal(get(relay, "connect"), "lost: the server answered with status 403: two", "the new script")
    ends_well(relay)


def many_reloads_lose_no_frame():
    text = 'local relay = require "relay"\nrelay.after(0.001, relay.counter("loads"))\nrelay.on("sample", function(viewer) viewer.n = (viewer.n or 0) + 1 return { latency = 1000 + %d } end)\n'
    relay = ScriptRelay("reloads", text % 0, "watch: false", workers=2)
    probe = Probe()
    viewers = [probe.ask(relay, "view", "demo/clock") for _ in range(8)]
    for viewer in viewers:
        probe.wait_until_said(viewer, "frame ")
    for i in range(60):  # the log would hold back the lines of so many
        write_script(relay.script, text % i)
        relay.send(signal.SIGHUP)
        wait_until(lambda: relay.counters()["loads"] == 2 * (i + 2), 15, f"reload {i}")
    for viewer in viewers:
        frames = [line for line in probe.said(viewer) if line.startswith("frame ")]
        check(len(frames) > 1 and not any(line.startswith(("no: ", "lost: ")) for line in probe.said(viewer)), f"a viewer: {probe.said(viewer)}")
    check_equal(relay.counters()["sample_faults"], 0, "faults")
    probe.end()
    ends_well(relay)


# ---- Misbehaviour ------------------------------------------------------------------------------------------------

LOOP = "while true do end"


def hooks_that_never_end_harm_nobody():
    relay = ScriptRelay("loops", f"""
        local relay = require "relay"
        relay.on("connect", function(peer) if peer.query.loop then pcall(function() {LOOP} end) {LOOP} end end)
        relay.on("announce", function(peer, path) {LOOP} end)
        relay.on("subscribe", function(viewer, want) if viewer.peer.query.slow then {LOOP} end end)
        relay.on("sample", function(viewer) if viewer.peer.query.slow then coroutine.wrap(function() {LOOP} end)() end end)
        relay.on("leave", function(viewer) if viewer.peer.query.slow then ("x"):rep(100):gsub(".", function() {LOOP} end) end end)
        """, "faults: off", "budget: 2ms")
    probe, others = Probe(), Probe()
    viewer = others.ask(relay, "view", "demo/clock")
    others.wait_until_said(viewer, "frame ")
    check_equal(probe.get(relay, "connect", query="loop=1"), "lost: the server answered with status 503: the relay's script has failed", "connect")
    check_equal(probe.get(relay, "announce", "x"), "in", "a publisher")
    relay.wait_for("may not publish x: the relay's script has failed")
    check_equal(probe.get(relay, "subscribe", "demo/clock", query="slow=1")[:6], "frame ", "subscribe goes on as usual")
    slow = [probe.ask(relay, "view", "demo/clock", query="slow=1") for _ in range(3)]
    for who in slow:
        probe.wait_until_said(who, "frame ")
    wait_until(lambda: relay.counters()["sample_faults"] > 8, 15, "faults of sample")
    before = len(others.said(viewer))
    wait_until(lambda: len(others.said(viewer)) >= before + 2, 15, "another viewer goes on")
    probe.end()
    wait_until(lambda: relay.counters()["leave_faults"] >= 3, 15, "faults of leave")
    check(relay.said("loops.lua:") and relay.said("has run for longer than its budget of 2 ms"), f"the place of a fault: {relay.err[-5:]}")
    others.end()
    ends_well(relay)


def relay_script(hook, body):
    return f'local relay = require "relay"\nrelay.on("{hook}", function() {body} end)'


TIMES = ("under_10us", "under_100us", "under_1ms", "under_5ms", "over_5ms")


def a_hook_that_fails_too_often_is_benched():
    relay = ScriptRelay("fuse", """
        local relay = require "relay"
        local count = relay.counter "ticks"
        relay.on("connect", function(peer) if peer.query.slow then while true do end end end)
        relay.on("sample", function(viewer) return { latncy = 5 } end)
        relay.every(0.05, function() error("as asked") end)
        relay.every(0.05, function() count() end)""", "faults: 3")
    viewer = Process([program("moq-clock"), "--tls-disable-verify", "--path", "demo/clock", relay.url("")])
    relay.wait_for("fuse.lua:5: there is no field \"latncy\" here; there are: latency")
    relay.wait_for("sample is benched, after 3 faults of 3 calls in a minute")
    relay.wait_for("timer is benched, after 3 faults of 3 calls in a minute")
    before = relay.counters()
    check_equal([before[name] for name in ("sample_faults", "hooks_benched", "benched_now", "generation")], [3, 2, 2, 1], "counters")
    check_equal(before["timer_faults"], 3, "the timer that fails")
    wait_until(lambda: relay.counters()["ticks"] > before["ticks"], 10, "another timer goes on")
    for _ in range(3):
        check(get(relay, "connect", query="slow=1").endswith("the relay's script has failed"), "a fault denies")
    check(get(relay, "connect").endswith("the relay's script has failed"), "a benched connect denies everybody")
    counters = relay.counters()
    check_equal([counters[name] for name in ("hooks_benched", "benched_now")], [3, 3], "counters after that")
    check_equal(sum(counters[f"sample_{time}"] for time in TIMES), counters["sample_calls"], "calls, by the time that they took")
    relay.reload('local relay = require "relay"\nrelay.on("connect", function(peer) end)')
    check_equal(get(relay, "connect"), "in", "a reload brings it back")
    check_equal([relay.counters()[name] for name in ("generation", "benched_now")], [2, 0], "after the reload")
    check(relay.said('the new script has no hook "sample"; the one before had it'), "the reload tells what is missing")
    viewer.end()
    ends_well(relay)


def odd_requests_harm_only_their_peers():
    relay = ScriptRelay("odd", """
        local relay = require "relay"
        relay.on("connect", function(peer) if tonumber(peer.query.level or 9) < 3 then return false, "too low" end end)
        relay.on("subscribe", function(viewer) if tonumber(viewer.peer.query.level or 9) < 5 then return false, "vip" end end)""", "on_fault: deny_all")
    probes = [Probe() for _ in range(2)]
    for i in range(12):
        check(get(relay, "connect", query="level=x").endswith("the relay's script has failed"), f"fault {i} denies")
    check_equal(relay.counters()["connect_faults"], 12, "faults")
    check_equal(probes[0].get(relay, "subscribe", "demo/clock")[:6], "frame ", "others come in")
    check(get(relay, "subscribe", "demo/clock", query="level=4")[:6] != "frame ", "a refusal by subscribe counts")
    check(get(relay, "connect", query="level=2").endswith("too low"), "a refusal by connect counts")
    check_equal(relay.counters()["hooks_benched"], 0, "nothing is benched")
    relay.reload(relay_script("subscribe", "error('always')"))
    check(get(relay, "subscribe", "demo/clock")[:6] != "frame ", "with deny_all, a fault of subscribe denies")
    for probe in probes:
        probe.end()
    ends_well(relay)


def a_script_that_was_emptied_is_not_used():
    relay = ScriptRelay("empty", """
        local relay = require "relay"
        relay.on("connect", function(peer) if peer.query.word ~= "sesame" then return false, "no" end end)""")
    for text in ("", "-- nothing\n", 'local relay = require "relay"\n'):
        relay.reload(text, said="it has no hook and no timer, and the one in use has")
        check(get(relay, "connect").endswith("no"), f"the old script counts after {text!r}")
    relay.reload(relay_script("load", ""))
    check_equal(get(relay, "connect"), "in", "one that means to do nothing is used")
    ends_well(relay)


def a_line_that_is_logged_often_holds_back_no_other():
    relay = ScriptRelay("flood", """
        local relay = require "relay"
        relay.after(0.5, function()
          for i = 1, 100 do print("flood", i) end
          relay.log("warn", "the one that matters")
          print("audit")
          error("a fault")
        end)""")
    for text in ("the one that matters", "audit", "timer: flood.lua:7: a fault"):
        relay.wait_for(text)
    check(len(relay.said("flood\t")) + len(relay.said("flood ")) <= 20, "the flood is held back")
    ends_well(relay)


def faults_may_pass():
    relay = ScriptRelay("pass", 'require("relay").on("connect", function(peer) error({}) end)', "on_fault: pass")
    check_equal(get(relay, "connect"), "in", "a fault passes")
    relay.wait_for("an error object that is a table")
    ends_well(relay)


def what_is_kept_of_viewers_that_have_left_is_harmless():
    relay = ScriptRelay("kept", """
        local relay = require "relay"
        local kept = {}
        relay.on("leave", function(viewer) kept[#kept + 1] = viewer end)
        relay.every(0.1, function() if #kept == 2 then print("kept", kept[1].path, kept[2].bytes_sent > 0, kept[1].peer.transport) end end)""")
    for _ in range(2):
        get(relay, "subscribe", "demo/clock")
    relay.wait_for("kept demo/clock true webtransport")
    ends_well(relay)


def a_call_that_takes_too_long_is_told_of():
    for settings, said in (([], "longer than its budget of 3000 ms"), (["abort_after: 1s"], "the relay aborts, as abort_after says")):
        relay = ScriptRelay("dog", "", "load_budget: 3s", "watch: false", *settings)
        # The check of relay.yaml shares nothing, so it does not see the loop, and its time is not watched.
        write_script(relay.script, f'local shared = require("relay").shared shared.set("x", "1") if shared.get("x") then {LOOP} end')
        relay.send(signal.SIGHUP)
        relay.wait_for("a call of the script has been running for 1.")
        check(relay.said(" s: load;"), f"what takes long: {relay.err[-3:]}")
        relay.wait_for(said)
        if settings:
            check_equal(relay.wait(), -signal.SIGABRT, "how it ends")
        else:
            ends_well(relay)


def settings_that_make_no_sense_are_explained():
    good = write_script(scratch("settings.lua"), "")
    for setting, words in (("budget: 0ms", "budget"), ("memory: 1KiB", "memory"), ("faults: 1000", "faults"), ("on_fault: maybe", "deny"),
                           ("directory: x", 'did you mean "directories"')):
        path = write_config("settings", free_port(), good, [setting], [], 1)
        status, _, err = run([program("moq-relay"), "--check", path])
        check(status == 2 and words in err and "settings.yaml:" in err, f"{setting}: {status} {err}")
    path = write_config("settings", free_port(), "/nothing.lua", [], [], 1)
    status, _, err = run([program("moq-relay"), "--check", path])
    check(status == 2 and "/nothing.lua" in err and "cannot be read" in err, f"no file: {status} {err}")


# ---- Policies that ship ------------------------------------------------------------------------------------------

def viewers_choose_by_their_query():
    relay = ScriptRelay("by-query", "", file=os.path.join(POLICIES, "by-query.lua"))
    for mode in ("meeting", "live", "archive", "nothing"):
        check_equal(get(relay, "subscribe", "demo/clock", query=f"mode={mode}")[:6], "frame ", mode)
    check_equal((relay.counters()["subscribe_calls"], relay.counters()["subscribe_faults"]), (4, 0), "calls and faults")
    ends_well(relay)


def patience_follows_the_path():
    relay = ScriptRelay("patience", "", "params: { good: 700 }", file=os.path.join(POLICIES, "patience.lua"))
    probe = Probe()
    viewer = probe.ask(relay, "view", "demo/clock")
    probe.wait_until_said(viewer, "frame ")
    wait_until(lambda: relay.counters()["sample_calls"] >= 3, 15, "samples")
    check_equal((relay.counters()["sample_faults"], relay.counters()["hopeless_viewers"]), (0, 0), "faults, and viewers that were closed")
    probe.end()
    ends_well(relay)


TESTS = [
    a_peer_is_a_table_that_lives_as_long, refusals_are_told_with_their_reason, connect_can_grant, paths_can_be_others,
    viewers_are_served_as_the_script_says_while_they_watch, claims_come_from_auth, timers_and_what_workers_share,
    scripts_require_what_is_in_their_directories, peers_that_another_module_lets_in_are_seen_without_connect,
    a_broken_script_changes_nothing, many_reloads_lose_no_frame,
    hooks_that_never_end_harm_nobody, a_hook_that_fails_too_often_is_benched, odd_requests_harm_only_their_peers,
    a_script_that_was_emptied_is_not_used, a_line_that_is_logged_often_holds_back_no_other, faults_may_pass,
    a_full_memory_harms_one_call, what_is_kept_of_viewers_that_have_left_is_harmless, a_call_that_takes_too_long_is_told_of, settings_that_make_no_sense_are_explained,
    viewers_choose_by_their_query, patience_follows_the_path,
]

if __name__ == "__main__":
    main(TESTS)
