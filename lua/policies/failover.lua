-- SPDX-License-Identifier: MIT OR Apache-2.0
-- A main encoder and its spares, by the identity of their tokens. The main one feeds the track again when it is back for a while;
-- relay.yaml says when a silent one is passed over (policy.failover: after two missed groups).
--
--   params: { order: [main, spare], patience: 10 }     # seconds that one has to be there before it takes over
local relay = require "relay"
local order, patience = relay.params.order or {}, relay.params.patience or 10

local function is_fit(candidate, cause)
  if candidate.failed or candidate.silent then
    return false
  end
  return candidate.feeding or cause ~= "candidate" or candidate.age >= patience
end

relay.on("choose_source", function(path, candidates, cause)
  for _, identity in ipairs(order) do
    for place, candidate in ipairs(candidates) do
      if candidate.identity == identity and is_fit(candidate, cause) then
        if cause ~= "watched" and not candidate.feeding then
          relay.log("warn", path .. " comes from " .. identity .. " now")
        end
        return place
      end
    end
  end
end)
