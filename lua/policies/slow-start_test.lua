-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

local rungs = { { path = "show/1/low", bitrate = 500000 }, { path = "show/1/high", bitrate = 4000000 } }

test.case("a viewer begins low and patient, and is served like others later", function()
  local policy = test.load("slow-start.lua", { seconds = 8 })
  local viewer = policy:connect({}):ladder(rungs):subscribe("show/1/high")
  test.equal({ viewer:served().track, viewer:served().latency }, { "show/1/low", 4000 })
  policy:advance(5)
  test.equal(viewer:sample({ watched = 5, rate_bps = 9e6 }).latency, 4000)
  test.equal(viewer:sample({ watched = 8 }).latency, 1000)
  viewer:sample()
  policy:advance(5)
  test.equal(viewer:sample({ watched = 13 }).track, "show/1/high")
end)
