-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

local function premium()
  return test.load("premium.lua", { plans = { gold = 220, silver = 160 } })
end

local function viewer_with(policy, claims)
  return policy:connect({ claims = claims }):subscribe("demo/bbb")
end

test.case("the plan decides the priority", function()
  local policy = premium()
  test.equal(viewer_with(policy, '{"plan":"gold"}'):served().priority, 220)
  test.equal(viewer_with(policy, '{"plan":"silver"}'):served().priority, 160)
  test.equal(policy:counter("viewers_without_a_plan"), 0)
end)

test.case("others are served as usual, and counted", function()
  local policy = premium()
  for _, claims in ipairs { "", "{}", '{"plan":"tin"}', '{"other":"gold"}' } do
    test.equal(viewer_with(policy, claims):served().priority, 128, claims)
  end
  test.equal(policy:counter("viewers_without_a_plan"), 4)
end)
