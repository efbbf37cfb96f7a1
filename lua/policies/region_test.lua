-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

test.case("the nearest living origin feeds the track", function()
  local policy = test.load("region.lua", { regions = { "eu", "us" } })
  local us, eu, asia = { query = "jwt=x&region=us" }, { query = "region=eu" }, { query = "region=asia" }
  test.equal(policy:choose("show/1", { us, eu }), 2)
  test.equal(policy:choose("show/1", { us, { query = "region=eu", silent = true } }, "silent"), 1)
  test.equal(policy:choose("show/1", { asia, { query = "" } }), nil)
end)

test.case("of a region's origins the newest feeds the track", function()
  local policy = test.load("region.lua", { regions = { "eu" } })
  local dying, restarted = { query = "region=eu", age = 100, feeding = true }, { query = "region=eu", age = 1 }
  test.equal(policy:choose("show/1", { dying, restarted }, "candidate"), 2)
  test.equal(policy:choose("show/1", { restarted, dying }, "candidate"), 1)
  test.equal(policy:choose("show/1", { dying, { query = "region=eu", age = 1, failed = true } }, "lost"), 1)
end)

test.case("instances of a broadcast become one", function()
  local all, some = test.load "region.lua", test.load("region.lua", { broadcasts = { "show/**" } })
  local function offered(policy, path)
    return policy:connect({}):announce(path).path
  end
  test.equal(offered(all, "show/a/1737000000000/video1"), "show/a/1/video1")
  test.equal(offered(all, "show/a/1737000000001"), "show/a/1")
  test.equal(offered(all, "show/a"), nil)
  test.equal(offered(some, "show/a/1737000000000"), "show/a/1")
  test.equal(offered(some, "other/1737000000000"), nil)
end)
