-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

local function candidate(identity, more)
  more = more or {}
  more.identity = identity
  return more
end

test.case("the main encoder feeds the track, the spare when it is silent", function()
  local policy = test.load("failover.lua", { order = { "main", "spare" } })
  test.equal(policy:choose("show/1", { candidate "spare", candidate "main" }), 2)
  test.equal(policy:choose("show/1", { candidate "spare", candidate("main", { silent = true }) }, "silent"), 1)
end)

test.case("one that comes back has to stay a while", function()
  local policy = test.load("failover.lua", { order = { "main", "spare" } })
  local feeding = candidate("spare", { feeding = true })
  test.equal(policy:choose("show/1", { feeding, candidate "main" }, "candidate"), 1)
  test.equal(test.load("failover.lua", { order = { "main" }, patience = 0 }):choose("show/1", { feeding, candidate "main" }, "candidate"), 2)
end)

test.case("others are not chosen", function()
  test.equal(test.load("failover.lua", { order = { "main" } }):choose("show/1", { candidate "x", candidate "y" }), nil)
end)
