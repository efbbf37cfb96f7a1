-- SPDX-License-Identifier: MIT OR Apache-2.0
local test, glob = require "test", require "glob"

test.case("patterns mean what they mean in relay.yaml", function()
  for pattern, paths in pairs {
    ["demo/*"] = { yes = { "demo/a", "/demo/abc" }, no = { "demo", "demo/a/b", "demo2/a" } },
    ["demo/**"] = { yes = { "demo", "demo/a", "demo/a/b/c" }, no = { "demo2", "a/demo" } },
    ["**"] = { yes = { "a", "a/b" }, no = {} },
    ["**/video"] = { yes = { "video", "a/video", "a/video/video" }, no = { "a/video/b", "avideo" } },
    ["a/**/z/**/end"] = { yes = { "a/z/end", "a/b/z/c/d/end", "a/z/z/end/end" }, no = { "a/end", "a/z/end/b" } },
    ["cam-*.hd"] = { yes = { "cam-1.hd", "cam-.hd" }, no = { "cam-1xhd", "xcam-1.hd", "cam-1.hd/a" } },
    ["a*b*c"] = { yes = { "abc", "axxbyyc" }, no = { "ab", "acb" } },
    ["a**"] = { yes = { "a", "abc" }, no = { "a/b" } },
    ["(%w+)[x]"] = { yes = { "(%w+)[x]" }, no = { "ax" } },
  } do
    for _, path in ipairs(paths.yes) do
      test.check(glob.match(pattern, path), pattern .. " does not match " .. path)
    end
    for _, path in ipairs(paths.no) do
      test.check(not glob.match(pattern, path), pattern .. " matches " .. path)
    end
  end
end)

test.case("many ** take no longer than one", function()
  local path = ("a/"):rep(30) .. "b"
  test.check(not glob.match(("**/a/"):rep(15) .. "c", path))
  test.check(glob.match(("**/a/"):rep(15) .. "**/b", path))
end)

test.case("the first pattern that fits counts", function()
  local list = { { "demo/**", 1 }, { "**", 2 } }
  test.equal(glob.first(list, "demo/a"), 1)
  test.equal(glob.first(list, "other"), 2)
  test.equal(glob.first({}, "other"), nil)
end)
