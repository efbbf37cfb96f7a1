-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

test.case("who is banned is kept out", function()
  local policy = test.load("kick.lua", { identities = { "mallory" }, addresses = { "192.0.2.7", "2001:db8::7" } })
  local function verdict(info)
    local _, decision = policy:connect(info)
    return decision.verdict
  end
  test.equal(verdict { identity = "mallory", address = "192.0.2.1:99" }, "deny")
  test.equal(verdict { address = "192.0.2.7:99" }, "deny")
  test.equal(verdict { address = "[2001:db8::7]:99" }, "deny")
  test.equal(verdict { identity = "anna", address = "192.0.2.77:99" }, "pass")
end)

test.case("who watches already is sent away", function()
  local policy = test.load("kick.lua", { addresses = { "192.0.2.7" } })
  local anna, mallory = policy:connect { address = "192.0.2.1:1" }, policy:connect { address = "192.0.2.8:1" }
  local here, there = anna:subscribe "demo/x", mallory:subscribe "demo/x"
  policy:advance(1)
  test.equal({ here:served().closed, there:served().closed }, { false, false })
  test.equal(policy:counter "kicked", 0)
end)
