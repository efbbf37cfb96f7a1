-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Candidates of `choose_source` and of `want.candidates`.
local candidates = {}

-- The place of the newest one for which `fits(candidate, place)` holds, and that has neither failed nor fallen silent; nil: there is none. The
-- newest, because an encoder that was restarted may still be connected under its old session.
function candidates.newest(list, fits)
  local best
  for place, candidate in ipairs(list) do
    local is_alive = not candidate.failed and not candidate.silent
    if is_alive and fits(candidate, place) and (not best or candidate.age < list[best].age) then
      best = place
    end
  end
  return best
end

return candidates
