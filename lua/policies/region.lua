-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Several origins publish the same paths, each with its region in its URL (https://relay/?region=eu). The first region of the list
-- that has a living one feeds the track.
--
--   params: { regions: [eu, us] }     # the nearest first
local relay = require "relay"
local regions = relay.params.regions or {}

local function region_of(candidate)
  return ("&" .. candidate.query):match("&region=([^&]*)")
end

relay.on("choose_source", function(_, candidates)
  for _, region in ipairs(regions) do
    for place, candidate in ipairs(candidates) do
      if region_of(candidate) == region and not candidate.failed and not candidate.silent then
        return place
      end
    end
  end
end)
