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

test.case("an encoder that was started again is the newer one of its name", function()
  local policy = test.load("failover.lua", { order = { "main" } })
  local dying, restarted = candidate("main", { age = 100 }), candidate("main", { age = 1 })
  test.equal(policy:choose("show/1", { dying, restarted }, "lost"), 2)
  test.equal(policy:choose("show/1", { candidate("main", { age = 100, feeding = true }), restarted }, "candidate"), 1)
end)

test.case("instances of a broadcast become one", function()
  local policy = test.load("failover.lua", { broadcasts = { "show" } })
  test.equal(policy:connect({}):announce("show/1737000000000/audio2").path, "show/1/audio2")
  test.equal(policy:connect({}):announce("other/1737000000000/audio2").path, nil)
end)

test.case("the next viewer brings the main encoder back that has stayed for a while", function()
  local policy = test.load("failover.lua", { order = { "main", "spare" } })
  local spare = candidate("spare", { feeding = true, age = 100 })
  local function chosen(candidates)
    local _, decision = policy:connect({}):subscribe("show/1", nil, candidates)
    return decision.source
  end
  test.equal(chosen { spare, candidate("main", { age = 5 }) }, nil)
  test.equal(chosen { spare, candidate("main", { age = 15 }) }, "main")
  test.equal(chosen { spare, candidate("main", { age = 15, silent = true }) }, nil)
  test.equal(chosen { candidate("main", { feeding = true, age = 15 }), spare }, nil)
  test.equal(chosen { candidate("spare", { age = 100 }), candidate("main", { age = 15 }) }, "main") -- another worker's viewers watch
  test.equal(chosen { candidate "spare", candidate "main" }, nil)
  test.equal(chosen(nil), nil)
end)
