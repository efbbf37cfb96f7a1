-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

local rungs = { { path = "show/1/low", bitrate = 500000 }, { path = "show/1/high", bitrate = 4000000 } }

test.case("a viewer whose network does not carry its rendition goes down, and up when it does", function()
  local policy = test.load("broadcast.lua", { settle = 3 })
  local viewer = policy:connect({}):ladder(rungs):subscribe("show/1/high")
  test.equal(viewer:sample({ rate_bps = 6e6 }).track, "show/1/high")
  policy:advance(3)
  test.equal(viewer:sample({ rate_bps = 1e6, backlog_ms = 600 }).track, "show/1/low")
  policy:advance(2)
  test.equal(viewer:sample({ rate_bps = 6e6, backlog_ms = 0 }).track, "show/1/low")
  policy:advance(4)
  test.equal(viewer:sample({ rate_bps = 6e6 }).track, "show/1/high")
end)

test.case("others are left alone", function()
  local viewer = test.load("broadcast.lua"):connect({}):subscribe("show/1/high")
  test.equal(viewer:sample({ backlog_ms = 5000 }).track, "show/1/high")
end)
