-- SPDX-License-Identifier: MIT OR Apache-2.0
-- What scripts see of the publishers of a subscription's track, and how they choose one.
local test = require "test"

local us = { identity = "anna", claims = '{"region":"us"}' }
local eu = { identity = "ben", claims = '{"region":"eu"}' }
local none = { identity = "carl" }

local function decide(params, candidates, kind)
  local policy = test.load("sources_policy.lua", params)
  local _, decision = policy:connect({}):subscribe("show/1", kind, candidates)
  return decision
end

test.case("a subscription names its source by identity", function()
  test.equal(decide({ source = "ben" }, { us, eu }).source, "ben")
  test.equal(decide({ source = "ben", path = "show/2" }, { us, eu }).source, "ben")
  test.equal(decide({ source = "nobody" }, { us, eu }).source, nil)
  test.equal(decide({ source = "ben" }).verdict, "pass")
end)

test.case("of an identity's publishers, one that speaks is chosen", function()
  local hoarse = { identity = "ben", silent = true }
  local policy = test.load("sources_policy.lua", { region = "eu", source = "ben" })
  local function chosen(candidates)
    local _, decision = policy:connect({}):subscribe("show/1", nil, candidates)
    return decision.source_place
  end
  test.equal(chosen { us, hoarse, eu }, 3)
  test.equal(chosen { us, hoarse }, 2)
end)

test.case("a subscription sees the candidates and their claims", function()
  test.equal(decide({ region = "eu" }, { us, none, eu }).source, "ben")
  test.equal(decide({ region = "us" }, { us, none, eu }).source, "anna")
  test.equal(decide({ region = "eu" }, { eu }).source, nil) -- there is no choice
  local policy = test.load("sources_policy.lua", { region = "eu" })
  test.equal(policy:choose("show/1", { us, none, eu }), 3)
end)

test.case("only subscriptions have a source", function()
  test.fails('no field "source"', decide, { source = "ben" }, { us, eu }, "fetch")
  test.fails("source", decide, { source = -1 }, { us, eu })
  test.fails("source", decide, { source = {} }, { us, eu })
end)

test.case("candidates are those of the call", function()
  local policy = test.load("sources_policy.lua", { keeps = true })
  local peer = policy:connect {}
  peer:subscribe("show/1", nil, { us, eu })
  peer:subscribe("show/2", nil, { us, none })
end)
