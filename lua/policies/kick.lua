-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Keeps people out, and sends those away who are watching: put an identity or an address into relay.yaml and reload.
--
--   params: { identities: [mallory], addresses: ["192.0.2.7"], reason: "banned until Monday" }
local relay = require "relay"
local reason = relay.params.reason or "banned"

local function set_of(list)
  local set = {}
  for _, each in ipairs(list or {}) do
    set[each] = true
  end
  return set
end

local identities, addresses = set_of(relay.params.identities), set_of(relay.params.addresses)
local kicked = relay.counter("kicked")

-- An address is "192.0.2.7:4443" or "[2001:db8::7]:4443".
local function is_banned(peer)
  local address = peer.address:match("^%[(.*)%]:%d+$") or peer.address:match("^(.*):%d+$")
  return peer.identity and identities[peer.identity] or address and addresses[address]
end

relay.on("connect", function(peer)
  if is_banned(peer) then
    return false, reason, "forbidden"
  end
end)

local function look_around()
  local place = 0
  repeat
    local viewers
    viewers, place = relay.viewers { limit = 1000, after = place }
    for _, viewer in ipairs(viewers) do
      if is_banned(viewer.peer) and relay.close(viewer.peer, reason, "forbidden") then
        kicked()
      end
    end
  until not place
end

relay.after(0.1, look_around) -- this script is new, so its list may be
