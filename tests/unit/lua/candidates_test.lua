-- SPDX-License-Identifier: MIT OR Apache-2.0
local test, candidates = require "test", require "candidates"

local function any()
  return true
end

test.case("the newest living one that fits", function()
  local old, new = { age = 50, name = "old" }, { age = 5, name = "new" }
  test.equal(candidates.newest({ old, new }, any), 2)
  test.equal(candidates.newest({ new, old }, any), 1)
  test.equal(
    candidates.newest({ old, new }, function(candidate)
      return candidate.name == "old"
    end),
    1
  )
  test.equal(candidates.newest({ old, { age = 1, silent = true }, { age = 1, failed = true } }, any), 1)
  test.equal(candidates.newest({ { age = 1, silent = true } }, any), nil)
  test.equal(candidates.newest({}, any), nil)
end)
