-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Several origins publish the same broadcasts, each with its region in its URL (https://relay/show?region=eu). The first region of the
-- list that has a living one feeds the tracks. Instances of a broadcast become one, so that media of several origins have one path.
--
--   params: { regions: [eu, us], broadcasts: ["show/**"] }     # the nearest first; without broadcasts all become one
local relay, instances = require "relay", require "instances"
local regions = relay.params.regions or {}

local function region_of(candidate)
  return ("&" .. candidate.query):match("&region=([^&]*)")
end

-- The newest one of a region, because an encoder that was started again may still be there as it was before.
local function place_of(region, candidates)
  local best
  for place, candidate in ipairs(candidates) do
    local is_fit = region_of(candidate) == region and not candidate.failed and not candidate.silent
    if is_fit and (not best or candidate.age < candidates[best].age) then
      best = place
    end
  end
  return best
end

relay.on("announce", function(_, path)
  return instances.fold(path, relay.params.broadcasts)
end)

relay.on("choose_source", function(_, candidates)
  for _, region in ipairs(regions) do
    local place = place_of(region, candidates)
    if place then
      return place
    end
  end
end)
