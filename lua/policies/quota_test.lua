-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

test.case("an account that has used its bytes gets little, on all its screens", function()
  local policy = test.load("quota.lua", { gigabytes = 1, ["then"] = 300000 })
  local first = policy:connect({ identity = "anna" }):subscribe "demo/x"
  local second = policy:connect({ identity = "anna" }):subscribe "demo/x"
  local other = policy:connect({ identity = "bert" }):subscribe "demo/x"
  test.equal(first:sample({ bytes_sent = 0.6e9 }).identity_rate, 0)
  test.equal(second:sample({ bytes_sent = 0.6e9 }).identity_rate, 300000)
  test.equal(first:sample({ bytes_sent = 0.6e9 }).identity_rate, 300000)
  test.equal(other:sample({ bytes_sent = 0.6e9 }).identity_rate, 0)
end)

test.case("nobody is counted who has no account", function()
  test.equal(test.load("quota.lua"):connect({}):subscribe("demo/x"):sample({ bytes_sent = 9e12 }).identity_rate, 0)
end)

local function count(map)
  local n = 0
  for _ in pairs(map) do
    n = n + 1
  end
  return n
end

test.case("the next hour begins anew, and nothing is left of the one before, also after a reload", function()
  local policy = test.load("quota.lua", { gigabytes = 1 })
  local viewer = policy:connect({ identity = "anna" }):subscribe "demo/x"
  policy:connect({ identity = "bert" }):subscribe("demo/x"):sample({ bytes_sent = 5 })
  test.equal(viewer:sample({ bytes_sent = 2e9 }).identity_rate, 500000)
  test.equal(count(policy:shared()), 2)
  policy:reload()
  test.equal(viewer:sample({ bytes_sent = 2e9 }).identity_rate, 500000)
  policy:advance(3700)
  test.equal(count(policy:shared()), 0)
  test.equal(viewer:sample({ bytes_sent = 2.5e9 }).identity_rate, 0)
  test.equal(count(policy:shared()), 1)
end)

test.case("who finds no room is served, and counted as such", function()
  local policy = test.load "quota.lua"
  for i = 1, 4096 do
    policy:connect({ identity = "account " .. i }):subscribe("demo/x"):sample({ bytes_sent = 1 })
  end
  local late = policy:connect({ identity = "late" }):subscribe "demo/x"
  test.equal(late:sample({ bytes_sent = 9e9 }).identity_rate, 0)
  test.equal(policy:counter "quota_uncounted", 1)
  test.equal(policy:connect({ identity = ("x"):rep(300) }):subscribe("demo/x"):sample({ bytes_sent = 1 }).identity_rate, 0)
  policy:advance(3700)
  test.equal(late:sample({ bytes_sent = 9e9 + 3e9 }).identity_rate, 500000)
end)
