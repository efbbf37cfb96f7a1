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

-- ---- What a test may say of peers, viewers and candidates -----------------------------------------------------------------------

local peer_fields = {
  address = "string",
  sni = "string",
  path = "string",
  query = "string",
  page = "string",
  identity = "string",
  claims = "claims",
  version = "number",
  cluster = "boolean",
}
local viewer_numbers = {
  rtt_ms = "number",
  rate_bps = "number",
  loss = "number",
  backlog_ms = "number",
  backlog_bytes = "number",
  groups_sent = "number",
  groups_skipped = "number",
  late = "number",
  watched = "number",
  bytes_sent = "number",
}
local candidate_fields = {
  identity = "string",
  address = "string",
  path = "string",
  query = "string",
  claims = "claims",
  age = "number",
  newest = "boolean",
  feeding = "boolean",
  silent = "boolean",
  failed = "boolean",
}
local rendition_fields = { path = "string", bitrate = "number" }
local kinds = { subscribe = true, fetch = true, info = true }
local causes = { watched = true, candidate = true, lost = true, silent = true }

local function names_of(known)
  local names = {}
  for name in pairs(known) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, " ")
end

-- What is wrong with a value; nil: nothing.
local function problem_of(kind, value)
  if kind == "claims" then
    local problem = type(value) == "string" and tester.problem_of_claims(value)
    return type(value) ~= "string" and "is JSON, a text such as '{\"plan\":\"gold\"}', not a " .. type(value) or problem or nil
  elseif type(value) ~= kind then
    return "is a " .. kind .. ", not a " .. type(value)
  elseif kind == "number" and not (value >= 0) then
    return "is a number from 0 up"
  end
end

-- What is written wrongly would leave the usual value there, and the test would test something else. `level` is that of the test.
local function check_fields(what, given, known, level)
  if type(given) ~= "table" then
    error(("%s is a table of fields, not a %s"):format(what, type(given)), level)
  end
  for name, value in pairs(given) do
    if not known[name] then
      error(("%s has no field %s; there are: %s"):format(what, show(name), names_of(known)), level)
    end
    local problem = problem_of(known[name], value)
    if problem then
      error(("%s: %s %s"):format(what, name, problem), level)
    end
  end
end

local function check_list(what, list, known, level)
  if type(list) ~= "table" then
    error(("a list of tables is expected, each %s, not a %s"):format(what, type(list)), level)
  end
  for place in pairs(list) do
    if type(place) ~= "number" then
      error(("a list of tables is expected, each %s, not one with a field %s"):format(what, show(place)), level)
    end
    check_fields(what, list[place], known, level + 1)
  end
end

local function check_word(what, word, known, level)
  if word ~= nil and not known[word] then
    error(("there is no %s %s; there are: %s"):format(what, show(word), names_of(known)), level)
  end
end

-- ---- Viewers ----------------------------------------------------------------------------------------------------------------

local viewers = {}
viewers.__index = viewers

-- Sets numbers that `sample` sees: rtt_ms, rate_bps, loss, backlog_ms, backlog_bytes, groups_sent, groups_skipped, late, watched,
-- bytes_sent.
function viewers:set(numbers)
  check_fields("a viewer", numbers, viewer_numbers, 3)
  tester.set(self.handle, numbers)
  return self
end

-- The hook `sample`, with these numbers if there are some. Returns how the viewer is served then.
function viewers:sample(numbers)
  if numbers then
    check_fields("a viewer", numbers, viewer_numbers, 3)
    tester.set(self.handle, numbers)
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
  check_list("a rendition", list, rendition_fields, 3)
  tester.ladder(self.handle, list)
  return self
end

-- The hook `subscribe`; `kind` may be "fetch" or "info"; `candidates` are those of `choose`. Returns the viewer, nil if there is none,
-- and what was decided.
function peers:subscribe(path, kind, candidates)
  check_word("kind of subscription", kind, kinds, 3)
  if candidates then
    check_list("a candidate", candidates, candidate_fields, 3)
  end
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
  check_fields("a peer", info or {}, peer_fields, 3)
  local handle, decision = tester.connect(self.handle, info or {})
  return setmetatable({ policy = self, handle = handle }, peers), decision
end

-- The hook `choose_source`: `candidates` is a list of tables with `identity`, `address`, `path`, `query`, `claims` (JSON), `age`
-- (seconds), `newest`, `feeding`, `silent` and `failed`; `cause` is "watched", if not given, "candidate", "lost" or "silent".
-- Returns the place of the one that is chosen, or nil.
function policies:choose(path, candidates, cause)
  check_list("a candidate", candidates, candidate_fields, 3)
  check_word("cause", cause, causes, 3)
  return tester.choose(self.handle, path, candidates, cause)
end

-- Time goes on; timers that are due run.
function policies:advance(seconds)
  tester.advance(self.handle, seconds)
end

function policies:reload()
  tester.reload(self.handle)
end

-- What a counter of relay.counter has come to, or one of the host, such as sample_calls.
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
