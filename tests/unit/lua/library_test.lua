-- SPDX-License-Identifier: MIT OR Apache-2.0
-- What the functions of `relay` say of arguments that are wrong: which limit it is, which names there are, and what to do.
local test = require "test"

local function call(policy, name)
  policy:connect { query = "call=" .. name }
  return policy
end

local function fails(name, words, policy)
  test.fails(words, call, policy or test.load "library_policy.lua", name)
end

test.case("viewers are selected by fields that exist", function()
  fails("pattern", 'there is no field "pattern"; there are: path limit after')
  fails("place", 'there is no field "1"; there are: path limit after')
  fails("word", "table expected, got string")
  fails("path", "path is a pattern, such as")
  fails("limit", "limit is a whole number from 0 to 1024")
  fails("part", "limit is a whole number from 0 to 1024")
  test.equal(call(test.load "library_policy.lua", "good"):log(), { "0 0" })
end)

test.case("levels of the log are named", function()
  fails("level", 'there is no level "warning"; they are error, warn, info, debug and trace')
  test.equal(call(test.load "library_policy.lua", "levels"):log(), { "error", "warn", "info", "debug", "trace" })
end)
