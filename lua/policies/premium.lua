-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Paying viewers first. The module auth, named before this one in relay.yaml, has checked the token; its claim "plan" decides.
--
--   modules:
--     - auth: { keys: /etc/moq-relay/keys.jwk }
--     - lua:  { script: premium.lua, params: { plans: { gold: 220, silver: 160 } } }
local relay = require "relay"

local plans = relay.params.plans or {}
local others = relay.counter("viewers_without_a_plan")

relay.on("subscribe", function(viewer, want)
  local priority = plans[viewer.peer.claims.plan]
  if not priority then
    others()
    return
  end
  return { priority = priority }
end)
