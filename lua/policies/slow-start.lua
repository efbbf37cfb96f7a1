-- SPDX-License-Identifier: MIT OR Apache-2.0
-- A new viewer gets the lowest rendition and much time, so that its picture is there at once and does not stall. After a while it is
-- served like others. With the module ladder before this one.
--
--   params: { seconds: 8, latency: 4000 }
local relay, ladder = require "relay", require "ladder"
local seconds, latency = relay.params.seconds or 8, relay.params.latency or 4000

relay.on("subscribe", function(viewer)
  local lowest = viewer.ladder and viewer.ladder[1]
  return { latency = latency, track = lowest and lowest.name }
end)

relay.on("sample", function(viewer)
  if viewer.watched < seconds then
    return
  end
  if not viewer.is_settled then
    viewer.is_settled = true
    return { latency = relay.params.settled or 1000 }
  end
  return { track = ladder.pick(viewer) }
end)
