-- SPDX-License-Identifier: MIT OR Apache-2.0
local test, instances = require "test", require "instances"

local function folded(path, patterns)
  local answer = instances.fold(path, patterns)
  return answer and answer.path
end

test.case("the number of an instance becomes one", function()
  test.equal(folded "demo/show/1737000000000", "demo/show/1")
  test.equal(folded "demo/show/1737000000000/video1", "demo/show/1/video1")
  test.equal(folded "demo/show/1737000000000/a/1737000000000", "demo/show/1/a/1737000000000")
end)

test.case("other numbers stay", function()
  for _, path in ipairs {
    "demo/show", "room/12/video", "1737000000000", "demo/1", "demo/v1737000000000", "demo/17370000000000", "demo/0737000000000/video",
    "calls/4917012345678/audio",
  } do
    test.equal(folded(path), nil, path)
  end
end)

test.case("patterns say of which broadcasts", function()
  local patterns = { "demo/*", "show/**" }
  test.equal(folded("demo/a/1737000000000/x", patterns), "demo/a/1/x")
  test.equal(folded("show/a/b/1737000000000", patterns), "show/a/b/1")
  test.equal(folded("show/1737000000000", patterns), "show/1")
  test.equal(folded("demo/a/b/1737000000000", patterns), nil)
  test.equal(folded("demo/1737000000000", {}), nil)
end)
