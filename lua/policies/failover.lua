-- SPDX-License-Identifier: MIT OR Apache-2.0
-- A main encoder and its spares, by the identity of their tokens. The main one feeds the track again when it is back for a while and
-- another viewer comes; relay.yaml says when a silent one is passed over (policy.failover: after two missed groups). Instances of a
-- broadcast become one, so that media of all encoders have one path.
--
--   params: { order: [main, spare], patience: 10, broadcasts: ["show/**"] }
--     patience: seconds that one has to be there before it takes over; without broadcasts the instances of all become one
local relay, instances, candidates = require "relay", require "instances", require "candidates"
local order, patience = relay.params.order or {}, relay.params.patience or 10

-- The first one in the list feeds the track, on whichever worker, or will when it is watched.
local function place_of(identity, list, cause)
  return candidates.newest(list, function(candidate, place)
    local is_waiting = cause == "candidate" and place > 1 and candidate.age < patience
    return candidate.identity == identity and not is_waiting
  end)
end

relay.on("announce", function(_, path)
  return instances.fold(path, relay.params.broadcasts)
end)

local function choose(list, cause)
  for _, identity in ipairs(order) do
    local place = place_of(identity, list, cause)
    if place then
      return place
    end
  end
end

local function tell(path, candidate)
  relay.log("warn", path .. " comes from " .. candidate.identity .. " now")
end

relay.on("choose_source", function(path, list, cause)
  local place = choose(list, cause)
  if place and cause ~= "watched" and not list[place].feeding then
    tell(path, list[place])
  end
  return place
end)

-- Nobody asks when a while is over, so the next viewer who comes brings the main one back, for all.
relay.on("subscribe", function(_, want)
  local list = want.candidates
  local place = list and choose(list, "candidate")
  if place and place > 1 then
    tell(want.path, list[place])
    return { source = list[place].id }
  end
end)
