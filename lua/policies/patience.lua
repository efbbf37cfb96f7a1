-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Gives viewers on long paths more time, and takes it back when their path is good again. Whoever falls behind for half a minute is
-- closed, because it only costs others.
local relay = require "relay"

local GOOD, LONG = relay.params.good or 800, relay.params.long or 2500
local LONG_RTT_MS, GOOD_RTT_MS = 200, 120
local HOPELESS = 120 -- samples: half a minute
local closed = relay.counter("hopeless_viewers")

relay.on("sample", function(viewer)
  local is_behind = viewer.backlog_ms > viewer.latency
  viewer.behind = is_behind and (viewer.behind or 0) + 1 or 0
  if viewer.behind == HOPELESS then
    closed()
    return "close"
  end
  if viewer.rtt_ms > LONG_RTT_MS and viewer.latency ~= LONG then
    return { latency = LONG }
  elseif viewer.rtt_ms < GOOD_RTT_MS and viewer.latency ~= GOOD then
    return { latency = GOOD }
  end
end)
