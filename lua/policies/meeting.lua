-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Rooms where people talk to each other: little delay, and sound before pictures. Everything else is as relay.yaml says.
--
--   params: { rooms: "meet/**", latency: 250 }
local relay, glob = require "relay", require "glob"
local rooms = relay.params.rooms or "meet/**"
local latency = relay.params.latency or 250

relay.on("subscribe", function(_, want)
  if not glob.match(rooms, want.path) then
    return
  end
  local is_sound = want.path:match("/audio[^/]*$")
  return { latency = latency, order = "newest", priority = is_sound and 200 or 160 }
end)
