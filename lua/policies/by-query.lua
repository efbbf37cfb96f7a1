-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Each viewer says in its URL how it wants to be served: ?mode=meeting, ?mode=live or ?mode=archive. Whoever says nothing is served
-- as relay.yaml says.
local relay = require "relay"

local modes = {
  meeting = { latency = 250, order = "newest", priority = 200 }, -- what is late is not worth showing
  live = { latency = 1000, order = "newest" },
  archive = { latency = 10000, order = "oldest", priority = 50 }, -- everything, and in order
}

relay.on("subscribe", function(viewer, want)
  return modes[viewer.peer.query.mode]
end)
