-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Chooses sources as its parameters say, for sources_test.lua.
local relay = require "relay"
local params = relay.params

local function place_of_region(candidates)
  for place, candidate in ipairs(candidates or {}) do
    if candidate.claims.region == params.region then
      return place, candidate
    end
  end
end

local kept

relay.on("subscribe", function(_, want)
  if params.keeps then
    assert(not kept or kept.candidates == nil, "candidates of an earlier call")
    kept = want
    return
  end
  local _, candidate = place_of_region(want.candidates)
  return { source = params.source or candidate and candidate.id, path = params.path }
end)

relay.on("choose_source", function(_, candidates)
  return (place_of_region(candidates))
end)
