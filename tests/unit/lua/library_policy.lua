-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Calls what a peer names in its query, for library_test.lua.
local relay = require "relay"

local calls = {
  fill = function(query) -- with as many at a time as the budget allows on a busy machine
    for i = query.from, query.from + 127 do
      relay.shared.set("key " .. i, "x")
    end
  end,
  set_more = function() relay.shared.set("more", "x") end,
  add_more = function() relay.shared.add "more" end,
  set_again = function() relay.shared.set("key 7", "y") end,
  remove = function() relay.shared.set("key 7", nil) end,
  long_key = function() relay.shared.get(("k"):rep(128)) end,
  no_key = function() relay.shared.set("", "x") end,
  cut_key = function() relay.shared.set("a\0b", "x") end,
  long_value = function() relay.shared.set("key 1", ("v"):rep(1024)) end,
  add_to_word = function() relay.shared.add "key 1" end,
  add_part = function() relay.shared.add("sum", 0.5) end,
  list = function()
    relay.shared.set("a:1", "5")
    relay.shared.set("a:2", "x")
    relay.shared.set("b:1", "x")
    relay.shared.add("a:1", 1)
    print(table.concat(relay.shared.keys "a:", " "), relay.shared.keys("a:", 1)[1], #relay.shared.keys(), #relay.shared.keys "c")
  end,
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
