-- SPDX-License-Identifier: MIT OR Apache-2.0
-- A main encoder and its spares, by the identity of their tokens. The main one feeds the track again when it is back for a while and
-- another viewer comes; relay.yaml says when a silent one is passed over (policy.failover: after two missed groups). Instances of a
-- broadcast become one, so that media of all encoders have one path.
--
--   params: { order: [main, spare], patience: 10, broadcasts: ["show/**"] }
--     patience: seconds that one has to be there before it takes over; without broadcasts the instances of all become one
local relay, instances, candidates = require "relay", require "instances", require "candidates"
local order, patience = relay.params.order or {}, relay.params.patience or 10

local function place_of(identity, list, cause)
  return candidates.newest(list, function(candidate)
    local is_waiting = cause == "candidate" and not candidate.feeding and candidate.age < patience
    return candidate.identity == identity and not is_waiting
  end)
end

relay.on("announce", function(_, path)
  return instances.fold(path, relay.params.broadcasts)
end)

local function choose(path, list, cause)
  for _, identity in ipairs(order) do
    local place = place_of(identity, list, cause)
    if place and cause ~= "watched" and not list[place].feeding then
      relay.log("warn", path .. " comes from " .. identity .. " now")
    end
    if place then
      return place
    end
  end
end

relay.on("choose_source", choose)

-- Nobody asks when a while is over, so the next viewer who comes brings the main one back, for all.
relay.on("subscribe", function(_, want)
  local feeding
  for _, candidate in ipairs(want.candidates or {}) do
    feeding = feeding or candidate.feeding
  end
  local place = feeding and choose(want.path, want.candidates, "candidate")
  return place and not want.candidates[place].feeding and { source = want.candidates[place].id } or nil
end)
