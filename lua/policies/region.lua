-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Several origins publish the same broadcasts, each with its region in its URL (https://relay/show?region=eu). The first region of the
-- list that has a living one feeds the tracks. Instances of a broadcast become one, so that media of several origins have one path.
--
--   params: { regions: [eu, us], broadcasts: ["show/**"] }     # the nearest first; without broadcasts all become one
local relay, instances, candidates = require "relay", require "instances", require "candidates"
local regions = relay.params.regions or {}

local function region_of(candidate)
  return ("&" .. candidate.query):match("&region=([^&]*)")
end

relay.on("announce", function(_, path)
  return instances.fold(path, relay.params.broadcasts)
end)

relay.on("choose_source", function(_, list)
  for _, region in ipairs(regions) do
    local place = candidates.newest(list, function(candidate)
      return region_of(candidate) == region
    end)
    if place then
      return place
    end
  end
end)
