-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Each viewer gets the rendition that its network carries. This is what the module lua runs where relay.yaml names no script:
--
--   modules: [ladder, lua]
--
-- The module ladder finds renditions in catalogs; without it, those that policy.classes names count. Params are those of
-- require("ladder").defaults, such as lua: { params: { headroom: 0.7 } }
--
-- With policy: { latency: 6s, order: oldest }, a viewer whose network becomes slower misses nothing, and is late for some seconds.
local relay, ladder = require "relay", require "ladder"

local options = ladder.options(relay.params)

relay.on("sample", function(viewer)
  return { track = ladder.pick(viewer, options) }
end)
