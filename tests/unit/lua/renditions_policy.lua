-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Does what its parameters say, for renditions_test.lua.
local relay = require "relay"
local params = relay.params

relay.on("subscribe", function()
  return params.begin and { track = params.begin }
end)

relay.on("sample", function(viewer)
  if params.echo then
    return { priority = #viewer.ladder, latency = viewer.ladder[3].bitrate / 2000 }
  end
  viewer.step = (viewer.step or 0) + 1
  return params.moves and { track = params.moves[viewer.step] }
end)

if params.backlog then
  relay.on("backlog", function(_, behind)
    assert(behind > 0)
    return params.backlog
  end)
end
