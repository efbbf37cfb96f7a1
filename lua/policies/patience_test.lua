-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

local function viewer_of(params)
  local policy = test.load("patience.lua", params)
  return policy:connect():subscribe("demo/bbb"), policy
end

test.case("a long path has more time, until it is short again", function()
  local viewer = viewer_of { good = 700, long = 3000 }
  test.equal(viewer:sample({ rtt_ms = 40 }).latency, 700)
  test.equal(viewer:sample({ rtt_ms = 250 }).latency, 3000)
  test.equal(viewer:sample({ rtt_ms = 150 }).latency, 3000, "between the two")
  test.equal(viewer:sample({ rtt_ms = 100 }).latency, 700)
end)

test.case("who is behind for half a minute is closed", function()
  local viewer, policy = viewer_of()
  for i = 1, 119 do
    test.equal(viewer:sample({ backlog_ms = 60000 }).closed, false, i)
  end
  test.equal(viewer:sample().closed, true)
  test.equal(policy:counter("hopeless_viewers"), 1)
end)

test.case("who catches up in between is not", function()
  local viewer = viewer_of()
  for i = 1, 400 do
    test.equal(viewer:sample({ backlog_ms = i % 100 == 0 and 0 or 60000 }).closed, false, i)
  end
end)

test.case("a reload does not forget how long somebody was behind", function()
  local viewer, policy = viewer_of()
  for _ = 1, 100 do
    viewer:sample { backlog_ms = 60000 }
  end
  policy:reload()
  for i = 1, 19 do
    test.equal(viewer:sample().closed, false, i)
  end
  test.equal(viewer:sample().closed, true)
end)
