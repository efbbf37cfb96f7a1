-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Tries random patterns with random texts. Returns a list of what find, match, gsub and gmatch made of each, one text for each
-- pair, to be compared between two implementations.
local seed = 12345

local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return math.floor(seed / 65536) % n
end

local items = {
  "a", "b", ".", "%a", "%d", "[ab]", "[^a]", "%s", "x", "-", "[%a-]", "(a)", "()", "(%w*)", "(.-)", "%b()", "%f[%w]", "%1", "a*", "b+",
  "c-", "a?", "[]]", "[^]]", "[a-c]", "%.", "$", "^", "(", "[", "%", ")",
}
local letters = { "a", "b", "c", " ", "(", ")", "1", "x", "]", "-", "." }

local function pick(from, count)
  local picked = {}
  for i = 1, count do
    picked[i] = from[random(#from) + 1]
  end
  return table.concat(picked)
end

local function words(...)
  local all = {}
  for i = 1, select("#", ...) do
    all[i] = tostring((select(i, ...))):gsub("^.*: ", "")
  end
  return table.concat(all, ",")
end

local function each(text, pattern)
  local found = {}
  for first, second in string.gmatch(text, pattern) do
    found[#found + 1] = tostring(first) .. "/" .. tostring(second)
    if #found > 20 then
      break
    end
  end
  return table.concat(found, ";")
end

local function wrap(first, second)
  return first and "{" .. tostring(first) .. tostring(second) .. "}"
end

local lines = {}
for i = 1, 6000 do
  local pattern, text, from = pick(items, random(5) + 1), pick(letters, random(12)), random(5) - 2
  lines[i] = table.concat({
    pattern, text, from,
    words(pcall(string.find, text, pattern, from)),
    words(pcall(string.match, text, pattern, from)),
    words(pcall(string.gsub, text, pattern, "<%0>")),
    words(pcall(string.gsub, text, pattern, "%1%%")),
    words(pcall(string.gsub, text, pattern, wrap, 3)),
    words(pcall(string.gsub, text, pattern, { a = "A" })),
    words(pcall(each, text, pattern)),
  }, " | ")
end
result = lines
