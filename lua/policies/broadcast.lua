-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Each viewer gets the rendition that its network carries, with the module ladder before this one:
--
--   modules:
--     - ladder
--     - lua: { script: broadcast.lua, params: { headroom: 0.8 } }     # params: those of require("ladder").defaults
local relay, ladder = require "relay", require "ladder"

relay.on("sample", function(viewer)
  return { track = ladder.pick(viewer, relay.params) }
end)
