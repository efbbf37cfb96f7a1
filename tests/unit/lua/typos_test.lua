-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Tests that are written wrongly are errors, which list what there is.
local test = require "test"

local function policy()
  return test.load("sources_policy.lua", { region = "eu" })
end

local function viewer()
  return policy():connect({}):subscribe "demo/x"
end

local function fails_at_its_line(words, run)
  test.fails(words, run)
  test.fails("typos_test.lua:", run)
end

test.case("a peer has the fields that it can have", function()
  fails_at_its_line('a peer has no field "claim"; there are: address claims cluster', function() return (policy():connect { claim = "{}" }) end)
  fails_at_its_line("a peer: path is a string, not a number", function() return (policy():connect { path = 5 }) end)
  fails_at_its_line("a peer: cluster is a boolean", function() return (policy():connect { cluster = "yes" }) end)
  fails_at_its_line("a peer is a table", function() return (policy():connect "mode=x") end)
end)

test.case("claims are JSON", function()
  fails_at_its_line("a peer: claims is no JSON: ", function() return (policy():connect { claims = "{plan}" }) end)
  fails_at_its_line("claims is an object of JSON", function() return (policy():connect { claims = "[1]" }) end)
  fails_at_its_line("claims is JSON, a text", function() return (policy():connect { claims = { plan = "gold" } }) end)
  policy():connect { claims = '{"plan":"gold"}' }
  policy():connect { claims = "" }
end)

test.case("a viewer has the numbers that it can have", function()
  fails_at_its_line('a viewer has no field "rtt"; there are: backlog_bytes', function() return (viewer():set { rtt = 300 }) end)
  fails_at_its_line('a viewer has no field "rtt"', function() return (viewer():sample { rtt = 300 }) end)
  fails_at_its_line("a viewer: rtt_ms is a number, not a string", function() return (viewer():set { rtt_ms = "300" }) end)
  fails_at_its_line("a viewer: late is a number from 0 up", function() return (viewer():set { late = -1 }) end)
end)

test.case("a candidate has the fields that it can have", function()
  local words = 'a candidate has no field "regoin"; there are: address age claims failed feeding'
  fails_at_its_line(words, function() return (policy():choose("x", { { regoin = "eu" } })) end)
  fails_at_its_line(words, function() return (policy():connect({}):subscribe("x", nil, { { regoin = "eu" } })) end)
  fails_at_its_line("a candidate: claims is no JSON", function() return (policy():choose("x", { { claims = "{eu}" } })) end)
  fails_at_its_line("not one with a field", function() return (policy():choose("x", { claims = "{}" })) end)
end)

test.case("words and counters exist", function()
  fails_at_its_line('there is no cause "gone"; there are: candidate lost silent watched', function() return (policy():choose("x", {}, "gone")) end)
  fails_at_its_line('there is no kind of subscription "fetched"; there are: fetch info subscribe', function()
    return (policy():connect({}):subscribe("x", "fetched"))
  end)
  fails_at_its_line('a rendition has no field "bitrat"; there are: bitrate path', function()
    return (policy():connect({}):ladder { { path = "x", bitrat = 5 } })
  end)
  test.fails('there is no counter "nope"; there are: ', function() return (policy():counter "nope") end)
  test.fails(" sample_calls", function() return (policy():counter "nope") end)
end)
