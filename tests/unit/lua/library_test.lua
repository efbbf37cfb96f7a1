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

test.case("a full map says how to make room, and then has some", function()
  local policy = test.load "library_policy.lua"
  for from = 1, 4096, 128 do
    call(policy, "fill&from=" .. from)
  end
  fails("set_more", "it has 4096 keys, the most there can be; remove some with relay.shared.set(key, nil)", policy)
  fails("add_more", "it has 4096 keys", policy)
  call(policy, "set_again")
  test.equal(policy:shared()["key 7"], "y")
  call(policy, "remove")
  test.equal(policy:shared()["key 7"], nil)
  call(policy, "set_more")
  fails("add_more", '"more" is no whole number', policy)
end)

test.case("keys and values say how long they may be", function()
  fails("long_key", "a key has 1 to 127 bytes")
  fails("no_key", "a key has 1 to 127 bytes")
  fails("cut_key", "none of them zero")
  fails("long_value", "a value has 0 to 1023 bytes")
end)

test.case("only whole numbers are added", function()
  fails("add_part", "a whole number is expected")
end)

test.case("keys are listed by how they begin", function()
  test.equal(call(test.load "library_policy.lua", "list"):log(), { "a:1 a:2 a:1 3 0" })
end)

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
