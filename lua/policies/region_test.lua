-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

test.case("the nearest living origin feeds the track", function()
  local policy = test.load("region.lua", { regions = { "eu", "us" } })
  local us, eu, asia = { query = "jwt=x&region=us" }, { query = "region=eu" }, { query = "region=asia" }
  test.equal(policy:choose("show/1", { us, eu }), 2)
  test.equal(policy:choose("show/1", { us, { query = "region=eu", silent = true } }, "silent"), 1)
  test.equal(policy:choose("show/1", { asia, { query = "" } }), nil)
end)
