-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Calls what a peer names in its query, for library_test.lua.
local relay = require "relay"

local calls = {
  pattern = function() relay.viewers { pattern = "demo/**" } end,
  place = function() relay.viewers { "demo/**" } end,
  word = function() relay.viewers "demo/**" end,
  path = function() relay.viewers { path = 5 } end,
  limit = function() relay.viewers { limit = "5" } end,
  part = function() relay.viewers { limit = 1.5 } end,
  good = function() print(#relay.viewers { path = "demo/**", limit = 5, after = 0 }, #relay.viewers()) end,
  level = function() relay.log("warning", "x") end,
  levels = function()
    for _, level in ipairs { "error", "warn", "info", "debug", "trace" } do
      relay.log(level, level)
    end
  end,
}

relay.on("connect", function(peer)
  calls[peer.query.call](peer.query)
end)
