-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Chooses a rendition for a viewer: relay.on("sample", function(viewer) return { track = ladder.pick(viewer) } end)
--
--   down   at once, when groups come late or more waits than the path carries, to the best one that it does carry
--   up     by one step, when the path was measured to carry the next one for a while, or when nothing was late for longer
--   again  after a step up that had to be taken back, each further try waits twice as long
--
-- The relay moves a viewer when the next group begins. Until then the choice is repeated, and a lower one may replace it.
--
-- viewer.rate_bps is the best rate of the last while, measured when data waited. It shows only late that a path has become slower, and
-- nothing new while little is sent. So a step down goes by what the path takes now. That is known while data waits all the time: when
-- less was sent since the last look than was waiting then.
--
-- What it remembers is in viewer.ladder_state, as plain data.
local relay = require "relay"

local ladder = {}

ladder.defaults = {
  headroom = 0.8,      -- how much of the measured rate a rendition may use
  queue = 0.5,         -- seconds that the path would take for what waits: more is trouble, if it takes less than the rendition has
  measure = 0.4,       -- seconds in which data waited all the time, before what was sent in them says what the path takes
  settle = 3,          -- seconds without trouble before a measured rate counts for a step up
  probe = 10,          -- seconds without trouble before a step up is tried, whatever was measured
  probe_max = 160,     -- what `probe` grows to
  trial = 8,           -- seconds after a step up in which trouble means that it has failed
  pause = 2,           -- seconds between two steps, unless a lower rate is measured; the relay switches no faster
  patience = 12,       -- seconds for the relay to make a step, before it counts as one that has failed
  backlog_ms = nil,    -- a group that is so late is trouble; nil: half of the viewer's latency
}

local completed = { __index = ladder.defaults }

-- Options for ladder.pick, those that are missing as in ladder.defaults. A name that is none of them is an error.
function ladder.options(options)
  if getmetatable(options) == completed then
    return options
  end
  local names = { "backlog_ms" }
  for name in pairs(ladder.defaults) do
    names[#names + 1] = name
  end
  table.sort(names)
  local list = " " .. table.concat(names, " ") .. " "
  for name in pairs(options) do
    if not list:find(" " .. tostring(name) .. " ", 1, true) then
      error("ladder has no option \"" .. tostring(name) .. "\"; there are:" .. list, 2)
    end
  end
  return setmetatable(options, completed)
end

-- The place of a rendition by its name, which may be the last parts of a path.
local function find(list, name)
  for i, rendition in ipairs(list) do
    if name == rendition.name or name and name:sub(-#rendition.name - 1) == "/" .. rendition.name then
      return i
    end
  end
end

local function best_for(list, rate)
  local best = 1
  for i, rendition in ipairs(list) do
    if rendition.bitrate <= rate then
      best = i
    end
  end
  return best
end

local function state_of(viewer, now)
  local state = viewer.ladder_state
  if type(state) ~= "table" or type(state.busy) ~= "number" then
    state = { clean = now, changed = -math.huge, lowered = -math.huge, fails = 0, bits = 0, busy = 0, idle = now }
    viewer.ladder_state = state
  end
  return state
end

-- The place that was chosen, if the viewer has not come to it yet, or else where it is.
local function place_of(list, viewer, state, now, options)
  local served = find(list, viewer.track)
  local chosen = served and state.chosen and find(list, state.chosen)
  if not chosen or served ~= find(list, state.from) then
    state.chosen = nil
    return served
  elseif now - state.asked > options.patience then
    state.chosen = nil
    state.fails = state.fails + 1
    return served
  end
  state.changed, state.clean = now, now
  state.raised = state.raised and now
  state.lowered = chosen < served and now or state.lowered
  return chosen
end

-- What the path takes now, in bits per second. nil: it took all that there was, or that is not known for long enough.
local function rate_now(viewer, state, now, options)
  local sent, waits, skipped = viewer.bytes_sent or 0, viewer.backlog_bytes or 0, viewer.groups_skipped or 0
  local spent, passed = sent - (state.sent or sent), now - (state.looked or now)
  local is_busy = passed > 0 and waits > 0 and spent < (state.waited or 0) and skipped == state.skipped
  if is_busy then -- what was measured before counts by a quarter: the path may just have changed
    state.bits, state.busy = state.bits / 4 + spent * 8, state.busy / 4 + passed
  elseif passed > 0 then
    state.bits, state.busy, state.idle = 0, 0, now
  end
  state.sent, state.waited, state.skipped, state.looked = sent, waits, skipped, now
  return is_busy and now - state.idle >= options.measure and state.bits / state.busy or nil
end

-- Whether something went wrong since the last look. What is left of a rendition that was too large for the path does not count against
-- the one that follows it.
local function is_troubled(viewer, state, current, rate, now, options)
  local late = viewer.late or viewer.groups_skipped or 0
  local is_late = state.late ~= nil and late > state.late
  local latency = viewer.latency or 1000
  local is_behind = (viewer.backlog_ms or 0) > (options.backlog_ms or latency / 2)
  local is_settled = now - state.lowered >= options.pause + latency / 1000
  state.late = late
  if rate and rate < current.bitrate and (viewer.backlog_bytes or 0) * 8 > rate * options.queue then
    return true
  end
  return is_settled and (is_late or is_behind)
end

-- The best rate of the last while; nil if it was measured before the path became slower.
local function rate_before(viewer, state)
  local rate = viewer.rate_bps or 0
  if state.stale and rate < state.stale * 0.9 then
    state.stale = nil
  end
  return rate > 0 and not state.stale and rate or nil
end

local function step_down(list, i, state, rate, now, options)
  local to = rate and math.min(best_for(list, rate * options.headroom), i - 1) or i - 1
  if state.raised and now - state.raised < options.trial then
    state.fails = state.fails + 1
  end
  state.raised, state.lowered = nil, now
  return math.max(to, 1)
end

local function may_step_up(next_one, state, rate, now, options)
  local is_measured = rate and rate * options.headroom >= next_one.bitrate
  local wait = (is_measured and options.settle or options.probe) * 2 ^ state.fails
  return now - math.max(state.clean, state.changed) >= math.min(wait, options.probe_max)
end

local function choose(list, viewer, state, i, now, options)
  local rate, before = rate_now(viewer, state, now, options), rate_before(viewer, state)
  local is_pausing = now - state.changed < options.pause
  if is_troubled(viewer, state, list[i], rate, now, options) then
    state.clean = now
    if i > 1 and (rate or not is_pausing) then
      state.stale = rate and viewer.rate_bps or nil
      return step_down(list, i, state, rate or before, now, options)
    end
  elseif list[i + 1] and not is_pausing and may_step_up(list[i + 1], state, before, now, options) then
    state.raised = now
    return i + 1
  end
  return i
end

-- The name of the rendition that the viewer should get now. nil: it has no ladder, or watches something else.
-- `options`: see ladder.options.
function ladder.pick(viewer, options)
  local list = viewer.ladder
  if not list then
    return nil
  end
  options = options and ladder.options(options) or ladder.defaults
  local now = relay.now()
  local state = state_of(viewer, now)
  local i = place_of(list, viewer, state, now, options)
  if not i then
    return nil
  end
  if state.raised and now - state.raised >= options.trial then
    state.raised, state.stale, state.fails = nil, nil, 0
  end
  local to = choose(list, viewer, state, i, now, options)
  if to ~= i then
    state.chosen, state.from, state.asked, state.changed, state.clean = list[to].name, viewer.track, now, now, now
  end
  return list[to].name
end

return ladder
