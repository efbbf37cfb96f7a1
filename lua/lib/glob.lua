-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Patterns of paths as in relay.yaml: * stands for any run of characters within a part, ** as a whole part for any number of parts.
local glob = {}

local function parts_of(text)
  local parts = {}
  for part in text:gsub("^/", ""):gmatch("[^/]+") do
    parts[#parts + 1] = part
  end
  return parts
end

-- The Lua pattern of one part.
local function part_pattern(part)
  return "^" .. part:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
end

-- On a part that does not fit, the last ** takes one part more. That is enough, because the one after it may do the same.
local function matches(pattern, path)
  local i, j, again_i, again_j = 1, 1, nil, nil
  while j <= #path do
    if pattern[i] == "**" then
      i, again_i, again_j = i + 1, i + 1, j
    elseif pattern[i] and path[j]:find(pattern[i]) then
      i, j = i + 1, j + 1
    elseif again_i then
      i, j, again_j = again_i, again_j + 1, again_j + 1
    else
      return false
    end
  end
  while pattern[i] == "**" do
    i = i + 1
  end
  return i > #pattern
end

-- Returns a function that says whether a path fits. For patterns that are used often.
function glob.compile(pattern)
  local parts = parts_of(pattern)
  for i, part in ipairs(parts) do
    parts[i] = part == "**" and part or part_pattern(part)
  end
  return function(path)
    return matches(parts, parts_of(path))
  end
end

-- Whether `pattern` matches all of `path`.
function glob.match(pattern, path)
  return glob.compile(pattern)(path)
end

-- The value of the first pair { pattern, value } in a list whose pattern fits; nil: none.
function glob.first(list, path)
  for _, pair in ipairs(list) do
    if glob.match(pair[1], path) then
      return pair[2]
    end
  end
end

return glob
