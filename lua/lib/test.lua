-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Tests of scripts, for moq-lua-test. A script under test runs as in a relay: with its sandbox, its budget, and its answers checked.
-- A fault of it ends the test, with its file and line.
--
--   local test = require "test"
--
--   test.case("gold goes first", function()
--     local policy = test.load("premium.lua", { plans = { gold = 220 } })
--     local viewer = policy:connect { claims = '{"plan":"gold"}' }:subscribe "demo/bbb"
--     test.equal(viewer:served().priority, 220)
--   end)
local tester = require "tester"

local test = {}

-- ---- Cases and what they expect -------------------------------------------------------------------------------------------------

function test.case(name, run)
  local is_good, error_text = pcall(run)
  tester.report(is_good, name, is_good and "" or tostring(error_text))
end

local function show(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  elseif type(value) ~= "table" then
    return tostring(value)
  end
  local parts = {}
  for key, each in pairs(value) do
    parts[#parts + 1] = (type(key) == "number" and "" or tostring(key) .. " = ") .. show(each)
  end
  table.sort(parts)
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function is_same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key in pairs(a) do
    if not is_same(a[key], b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

-- Tables are the same if all that is in them is.
function test.equal(got, expected, about)
  if not is_same(got, expected) then
    error((about and about .. ": " or "") .. "expected " .. show(expected) .. ", got " .. show(got), 2)
  end
end

function test.check(holds, about)
  if not holds then
    error(about or "it does not hold", 2)
  end
end

-- `run` must raise an error that has these words in it.
function test.fails(words, run, ...)
  local is_good, error_text = pcall(run, ...)
  if is_good then
    error("no error, where one with " .. show(words) .. " was expected", 2)
  elseif not tostring(error_text):find(words, 1, true) then
    error("another error than one with " .. show(words) .. ": " .. tostring(error_text), 2)
  end
end

-- ---- Viewers ----------------------------------------------------------------------------------------------------------------

local viewers = {}
viewers.__index = viewers

-- Sets numbers that `sample` sees: rtt_ms, rate_bps, loss, backlog_ms, backlog_bytes, groups_sent, groups_skipped, late, watched,
-- bytes_sent.
function viewers:set(numbers)
  tester.set(self.handle, numbers)
  return self
end

-- The hook `sample`, with these numbers if there are some. Returns how the viewer is served then.
function viewers:sample(numbers)
  if numbers then
    self:set(numbers)
  end
  tester.sample(self.policy.handle, self.handle)
  return self:served()
end

-- How it is served: latency, priority, order, rate, identity_rate, path, track, skips (how often it was skipped), closed, and
-- then the reason.
function viewers:served()
  return tester.look(self.handle)
end

function viewers:leave()
  tester.leave(self.policy.handle, self.handle)
end

-- ---- Peers ------------------------------------------------------------------------------------------------------------------

local peers = {}
peers.__index = peers

-- The hook `announce`. Returns what was decided.
function peers:announce(path)
  return tester.announce(self.policy.handle, self.handle, path)
end

-- What its subscriptions may be moved between from now on: a list of tables with `path` and `bitrate`, the lowest first.
function peers:ladder(list)
  tester.ladder(self.handle, list)
  return self
end

-- The hook `subscribe`; `kind` may be "fetch" or "info"; `candidates` are those of `choose`. Returns the viewer, nil if there is none,
-- and what was decided.
function peers:subscribe(path, kind, candidates)
  local handle, decision = tester.subscribe(self.policy.handle, self.handle, path, kind, candidates)
  return handle and setmetatable({ policy = self.policy, peer = self, handle = handle }, viewers), decision
end

function peers:disconnect()
  tester.disconnect(self.policy.handle, self.handle)
end

-- ---- Scripts ----------------------------------------------------------------------------------------------------------------

local policies = {}
policies.__index = policies

-- Runs a script, whose file is beside that of the test; `params` are those of relay.yaml.
function test.load(file, params)
  local path = file:sub(1, 1) == "/" and file or tester.directory .. "/" .. file
  return setmetatable({ handle = tester.load(path, params) }, policies)
end

-- The hook `connect`. `info` may have address, sni, path, query, page, identity, claims (JSON), version and cluster. Returns the
-- peer and what was decided: a table with `verdict` ("pass", "allow", "deny"), `reason`, `code`, and the grants.
function policies:connect(info)
  local handle, decision = tester.connect(self.handle, info or {})
  return setmetatable({ policy = self, handle = handle }, peers), decision
end

-- The hook `choose_source`: `candidates` is a list of tables with `identity`, `address`, `path`, `query`, `claims` (JSON), `feeding`
-- and `silent`.
-- Returns the place of the one that is chosen, or nil.
function policies:choose(path, candidates, cause)
  return tester.choose(self.handle, path, candidates, cause)
end

-- Time goes on; timers that are due run.
function policies:advance(seconds)
  tester.advance(self.handle, seconds)
end

function policies:reload()
  tester.reload(self.handle)
end

function policies:counter(name)
  return tester.counter(self.handle, name)
end

-- What it keeps in relay.shared: a table of texts by their keys.
function policies:shared()
  return tester.shared(self.handle)
end

-- The lines that it has written to the log.
function policies:log()
  return tester.log(self.handle)
end

-- Time goes on for libraries that the test itself requires.
test.advance = tester.pass

return test
