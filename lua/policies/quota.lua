-- SPDX-License-Identifier: MIT OR Apache-2.0
-- So many bytes for each account in an hour, on all workers together. Who has used them gets little until the next hour begins.
--
--   params: { gigabytes: 2, then: 500000 }     # then: bits per second of all viewers of the account
local relay = require "relay"
local limit = (relay.params.gigabytes or 2) * 1e9
local slow = relay.params["then"] or 500000

local keys = {} -- what this worker has counted, with the hour

local function key_of(identity)
  local hour = math.floor(os.time() / 3600)
  local key = "quota:" .. hour .. ":" .. identity
  keys[key] = hour
  return key
end

relay.on("sample", function(viewer)
  local identity = viewer.peer.identity
  if not identity then
    return
  end
  local sent = viewer.bytes_sent
  local used = relay.shared.add(key_of(identity), sent - (viewer.counted or 0))
  viewer.counted = sent
  return { identity_rate = used > limit and slow or 0 }
end)

-- Numbers of hours before are of no use.
relay.every(60, function()
  local now = math.floor(os.time() / 3600)
  for key, hour in pairs(keys) do
    if hour < now then
      relay.shared.set(key, nil)
      keys[key] = nil
    end
  end
end)
