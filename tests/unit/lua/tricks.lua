-- SPDX-License-Identifier: MIT OR Apache-2.0
-- What a script may do wrong, by mistake or not. Each `play` ends in a fault whose reason has one of the `words`. For
-- tests/unit/lua/test_hostile.c and tests/e2e/test_lua_hostile.py, which play them in every hook.

local function endless() while true do end end

-- Their reasons name the line of the play.
local tricks = {
  { name = "loop", words = { "budget" }, play = endless },
  { name = "pcall", words = { "budget" }, play = function() while true do pcall(endless) end end },
  { name = "xpcall", words = { "budget" }, play = function() while true do xpcall(endless, endless) end end },
  { name = "coroutine", words = { "budget" }, play = function()
    while true do coroutine.wrap(function() while true do pcall(coroutine.yield) end end)() end
  end },
  { name = "resume", words = { "budget", "stack overflow", "memory" }, play = function()
    local f f = function() return coroutine.resume(coroutine.create(f)) end
    while true do f() end
  end },
  { name = "index", words = { "budget" }, play = function() return setmetatable({}, { __index = endless }).x end },
  { name = "newindex", words = { "budget" }, play = function() setmetatable({}, { __newindex = endless }).x = 1 end },
  { name = "call", words = { "budget" }, play = function() setmetatable({}, { __call = endless })() end },
  { name = "concat text", words = { "budget" }, play = function() return setmetatable({}, { __concat = endless }) .. "x" end },
  { name = "compare", words = { "budget" }, play = function()
    local meta = { __eq = endless, __lt = endless, __le = endless }
    return setmetatable({}, meta) == setmetatable({}, meta)
  end },
  { name = "tostring", words = { "budget" }, play = function()
    local t = setmetatable({}, { __tostring = endless })
    while true do pcall(tostring, t) end
  end },
  { name = "gc", words = { "budget", "memory" }, play = function() while true do setmetatable({}, { __gc = endless }) end end },
  { name = "sort", words = { "budget" }, play = function()
    local t = {}
    for i = 1, 9999 do t[i] = i % 7 end
    while true do pcall(table.sort, t, function() return true end) end
  end },
  { name = "sort endless", words = { "budget" }, play = function() table.sort({ 1, 2, 3 }, endless) end },
  { name = "gsub", words = { "budget" }, play = function() ("x"):rep(1000):gsub(".", endless) end },
  { name = "gmatch", words = { "budget" }, play = function()
    while true do for _ in ("a"):rep(100000):gmatch "a-" do end end
  end },
  { name = "recursion", words = { "stack overflow", "budget" }, play = function()
    local function f() return 1 + f() end
    f()
  end },
  { name = "recursion caught", words = { "budget" }, play = function()
    local function f() return 1 + f() end
    while true do pcall(f) end
  end },
  { name = "giant", words = { "4194304 bytes", "budget" }, play = function() return ("x"):rep(2 ^ 30) end },
  { name = "doubling", words = { "4194304 bytes", "memory", "budget" }, play = function()
    local s = "x"
    while true do s = s .. s end
  end },
  { name = "table", words = { "memory", "budget" }, play = function()
    local t = {}
    for i = 1, 1e9 do t[i] = {} end
  end },
  { name = "memory", words = { "memory", "budget" }, play = function()
    local t = {}
    for i = 1, 1e9 do t[i] = ("x"):rep(2 ^ 20) .. i end
  end },
  { name = "memory caught", words = { "memory", "budget" }, play = function()
    return pcall(function()
      local t = {}
      for i = 1, 1e9 do t[i] = ("x"):rep(2 ^ 20) .. i end
    end)
  end },
  { name = "pattern", words = { "takes too long", "budget" }, play = function()
    return ("a"):rep(4000):find(("a*"):rep(60) .. "b")
  end },
  { name = "format", words = { "budget" }, play = function()
    local numbers = {}
    for i = 1, 200 do numbers[i] = i end
    while true do ("%99d"):rep(200):format(unpack(numbers)) end
  end },
  { name = "concat", words = { "4194304 bytes", "budget" }, play = function()
    local t = {}
    for i = 1, 5000 do t[i] = ("x"):rep(1000) end
    return table.concat(t, ("y"):rep(1000))
  end },
  { name = "error table", words = { "an error object that is a table" }, play = function()
    error(setmetatable({}, { __tostring = function() error "again" end }))
  end },
  { name = "error nil", words = { "an error object that is a nil" }, play = function() error() end },
  { name = "error without line", words = { "oh no" }, play = function() error("oh no", 0) end },
  { name = "library", words = { "attempt to index" }, play = function()
    return (ffi or io or debug or package or jit or loadstring or load or dofile or rawset or newproxy or getfenv).x
  end },
  { name = "require", words = { "requir", "there is no ffi.lua" }, play = function() require "ffi" end },
  { name = "system", words = { "attempt to call" }, play = function() os.execute "true" end },
  { name = "bytecode", words = { "attempt to call" }, play = function() return string.dump(function() end) end },
  { name = "text metatable", words = { "attempt to index" }, play = function() getmetatable("").__index = nil end },
  { name = "global", words = { "no global can be set" }, is_allowed_at_load = true, play = function() escaped = 1 end },
  { name = "viewer", words = { "cannot be set", "attempt to", "oh no" }, play = function(viewer)
    if type(viewer) ~= "table" then error "oh no" end
    viewer.rtt_ms, viewer.version = 1, 1
    error "oh no"
  end },
}

-- What no hook that answers may answer. Their reasons name the hook.
local answers = {
  { name = "nan", play = function() return { latency = 0 / 0 } end },
  { name = "huge", play = function() return { latency = 2 ^ 64 } end },
  { name = "negative", play = function() return { latency = -1 } end },
  { name = "infinite", play = function() return { priority = 1 / 0 } end },
  { name = "fraction", play = function() return { priority = 0.5 } end },
  { name = "a text", play = function() return { latency = "soon" } end },
  { name = "unknown", play = function() return { latncy = 1 } end },
  { name = "number key", play = function() return { 5 } end },
  { name = "a number", play = function() return 2 ^ 64 end },
  { name = "not a number", play = function() return 0 / 0 end },
  { name = "zero", play = function() return 0 end },
  { name = "a word", play = function() return "whatever" end },
  { name = "a function", play = function() return print end },
  { name = "a path", play = function() return { path = ("x"):rep(2000) } end },
  { name = "a zero byte", play = function() return { path = "a\0b" } end },
  { name = "a table", play = function() return { path = {} } end },
}

for _, answer in ipairs(answers) do
  answer.is_answer = true
  tricks[#tricks + 1] = answer
end
return tricks
