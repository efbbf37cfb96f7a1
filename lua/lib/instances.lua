-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Instances of broadcasts. Each start of a publisher has a number of its own in the paths of its tracks, demo/show/1737000000000/video1,
-- so two encoders of one broadcast never offer the same track, and there is nothing to choose from. Under one number they do:
--
--   relay.on("announce", function(_, path) return instances.fold(path, { "demo/show" }) end)
--
-- Their tracks have to fit: the same codecs, and the same names in their catalogs, which moq-karp gives by kind and place.
local glob = require "glob"

local instances = {}

-- The number that all of them have then. Players see one instance that goes on while any of its publishers is there.
instances.number = "1"

local day_ms = 86400000

-- Publishers number their instances by the time in milliseconds: nothing else that is a part of a path is as long and as near to now.
local function is_instance(part)
  local number = #part == 13 and part:find "^%d+$" and tonumber(part)
  return number and number >= 1e12 and number <= os.time() * 1000 + day_ms
end

local function is_meant(broadcast, patterns)
  for _, pattern in ipairs(patterns or { "**" }) do
    if glob.match(pattern, broadcast) then
      return true
    end
  end
  return false
end

-- The answer of `announce` for a path: the same path under the one number if it is a track of an instance, and the broadcast matches
-- one of `patterns` (all broadcasts if there are none); nil: the path stays as it is.
function instances.fold(path, patterns)
  for before, part, after in path:gmatch "()([^/]+)()" do
    local broadcast = path:sub(1, math.max(before - 2, 0))
    if broadcast ~= "" and is_instance(part) and is_meant(broadcast, patterns) then
      return { path = broadcast .. "/" .. instances.number .. path:sub(after) }
    end
  end
end

return instances
