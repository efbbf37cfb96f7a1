-- SPDX-License-Identifier: MIT OR Apache-2.0
-- So many bytes for each account in an hour, on all workers together. Who has used them gets little until the next hour begins.
-- relay.shared holds a key for each account that watches in the hour, 4096 at most; further ones are served without a limit, and the
-- counter quota_uncounted says so.
--
--   params: { gigabytes: 2, then: 500000 }     # then: bits per second of all viewers of the account
local relay = require "relay"
local limit = (relay.params.gigabytes or 2) * 1e9
local slow = relay.params["then"] or 500000

local add_to_uncounted = relay.counter "quota_uncounted"

-- The clock is that of all workers and of every script until the relay ends, as relay.shared is. Keys of later hours come later in the alphabet.
local function key_of_hour()
  return ("quota:%08d:"):format(relay.now() / 3600)
end

-- What an account has used in this hour; nil: there is no room for one more account. A key has 127 bytes at most.
local function add_to_used(identity, bytes)
  local is_counted, used = pcall(relay.shared.add, key_of_hour() .. identity:sub(1, 100), bytes)
  return is_counted and used or nil
end

relay.on("sample", function(viewer)
  local identity = viewer.peer.identity
  if not identity then
    return
  end
  local sent = viewer.bytes_sent
  local used = add_to_used(identity, sent - (viewer.counted or 0))
  viewer.counted = sent
  if not used then
    add_to_uncounted()
    return
  end
  return { identity_rate = used > limit and slow or 0 }
end)

-- Keys of earlier hours are useless, whichever worker or earlier script has written them. The oldest come first, and 500 at a time fit
-- into the budget.
relay.every(5, function()
  local now = key_of_hour()
  for _, key in ipairs(relay.shared.keys("quota:", 500)) do
    if key < now then
      relay.shared.set(key, nil)
    end
  end
end)
