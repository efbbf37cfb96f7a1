-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

test.case("each viewer says how it wants to be served", function()
  local policy = test.load "by-query.lua"
  for mode, latency in pairs { meeting = 250, live = 1000, archive = 10000 } do
    local viewer, decision = policy:connect({ query = "x=1&mode=" .. mode }):subscribe("demo/bbb")
    test.equal(decision.latency, latency, mode)
    test.equal(viewer:served().order, mode == "archive" and "oldest" or "newest", mode)
  end
end)

test.case("whoever says nothing is served as usual", function()
  local policy = test.load "by-query.lua"
  for _, query in ipairs { "", "mode=", "mode=x", "modes=live" } do
    local _, decision = policy:connect({ query = query }):subscribe("demo/bbb")
    test.equal(decision, { verdict = "pass" }, query)
  end
end)
