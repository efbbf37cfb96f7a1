-- SPDX-License-Identifier: MIT OR Apache-2.0
-- What answers do to viewers and peers.
local test = require "test"

local function watch(params)
  return test.load("answers_policy.lua", params):connect({}):subscribe "show/1"
end

test.case("a viewer is closed with a reason", function()
  local function ends(...)
    local word, reason, code = ...
    local served = watch({ word = word, reason = reason, code = code }):sample()
    return served.closed, served.reason
  end
  local function check(expected, ...)
    local closed, reason = ends(...)
    test.equal(closed, true)
    test.equal(reason, expected)
  end
  check("no time left", "close", "no time left", "expired")
  check("closed by the script", "close")
  test.fails("a reason is a text", ends, "close", 7)
  test.fails("a refusal is one of", ends, "close", "x", "y")
  test.fails('return "close" and a reason', ends, false, "no time left")
end)

test.case("false is no opinion, as `x and {...}` has it", function()
  local viewer = watch { idiom = true }
  local served = viewer:sample { rtt_ms = 20 }
  test.equal(served.closed, false)
  test.equal(served.latency, 1000)
  test.equal(viewer:sample({ rtt_ms = 300 }).latency, 2500)
  test.equal(viewer:sample({ rtt_ms = 20 }).latency, 2500) -- it stays
end)

test.case("a number that is false is relay.yaml's again", function()
  local viewer = watch { far = true }
  local far = viewer:sample { rtt_ms = 300 }
  test.equal(far.latency, 2500)
  test.equal(far.rate, 1000000)
  local near = viewer:sample { rtt_ms = 20 }
  test.equal(near.latency, 1000)
  test.equal(near.rate, 0)
end)

test.case("subscribe has no number to give up", function()
  test.fails("latency is a number", watch, { service = { latency = false } })
end)

test.case("grants are prefixes, and both or one of the lists", function()
  local function grant(grants)
    local _, decision = test.load("answers_policy.lua", { grants = grants }):connect {}
    return decision
  end
  test.equal(grant({ subscribe = { "demo" } }).verdict, "allow")
  test.equal(grant({ subscribe = { "demo/*x" }, identity = "bob" }).verdict, "allow")
  test.fails('has "demo/**", and needs a prefix, not a pattern: "demo"', grant, { subscribe = { "demo/**" } })
  test.fails('not a pattern: ""', grant, { publish = { "**" } })
  test.fails("neither publish nor subscribe", grant, { identity = "bob" })
end)
