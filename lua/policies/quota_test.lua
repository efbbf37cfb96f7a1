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
