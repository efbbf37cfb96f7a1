-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Answers what its parameters say, for answers_test.lua.
local relay = require "relay"
local params = relay.params

relay.on("connect", function()
  return params.grants
end)

relay.on("subscribe", function()
  return params.service
end)

relay.on("sample", function(viewer)
  if params.far then
    return viewer.rtt_ms > 200 and { latency = 2500, rate = 1e6 } or { latency = false, rate = false }
  elseif params.idiom then
    return viewer.rtt_ms > 200 and { latency = 2500 }
  end
  return params.word, params.reason, params.code
end)
