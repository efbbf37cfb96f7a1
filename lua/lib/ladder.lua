-- SPDX-License-Identifier: MIT OR Apache-2.0
-- Chooses a rendition for a viewer: relay.on("sample", function(viewer) return { track = ladder.pick(viewer) } end)
--
--   down   at once, when groups come late or the path carries less than the rendition has, to the best one that it does carry
--   up     by one step, when the path was measured to carry the next one for a while, or when nothing was late for longer
--   again  after a step up that had to be taken back, each further try waits twice as long
--
-- A rate that was measured while little was sent says only what was sent. So it can hold a viewer down only if data also waits.
-- What it remembers is in viewer.ladder_state, as plain data.
local relay = require "relay"

local ladder = {}

ladder.defaults = {
  headroom = 0.8,      -- how much of the measured rate a rendition may use
  settle = 3,          -- seconds without trouble before a measured rate counts for a step up
  probe = 10,          -- seconds without trouble before a step up is tried, whatever was measured
  probe_max = 160,     -- what `probe` grows to
  trial = 8,           -- seconds after a step up in which trouble means that it has failed
  pause = 2,           -- seconds between two steps; the relay switches no faster
  backlog_ms = nil,    -- so much unsent is trouble; nil: half of the viewer's latency
}

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
  if type(state) ~= "table" or type(state.clean) ~= "number" then
    state = { clean = now, changed = -math.huge, fails = 0 }
    viewer.ladder_state = state
  end
  return state
end

-- Whether something went wrong since the last look.
local function is_troubled(viewer, state, current, options)
  local late = viewer.late or viewer.groups_skipped or 0
  local is_late = state.late ~= nil and late > state.late
  local limit = options.backlog_ms or (viewer.latency or 1000) / 2
  local backlog, rate = viewer.backlog_ms or 0, viewer.rate_bps or 0
  state.late = late
  return is_late or backlog > limit or (backlog > 0 and rate > 0 and rate < current.bitrate)
end

local function step_down(list, i, state, rate, now, options)
  local to = rate > 0 and math.min(best_for(list, rate * options.headroom), i - 1) or i - 1
  if state.raised and now - state.raised < options.trial then
    state.fails = state.fails + 1
  end
  state.raised, state.changed, state.clean = nil, now, now
  return math.max(to, 1)
end

local function may_step_up(next_one, state, rate, now, options)
  local quiet = now - math.max(state.clean, state.changed)
  local wait = math.min(options.probe * 2 ^ state.fails, options.probe_max)
  local is_measured = rate * options.headroom >= next_one.bitrate
  return quiet >= wait or is_measured and state.fails == 0 and quiet >= options.settle
end

-- The name of the rendition that the viewer should get now. nil: it has no ladder, or watches something else.
-- `options` are those of ladder.defaults that should be different.
function ladder.pick(viewer, options)
  local list = viewer.ladder
  local i = list and find(list, viewer.track)
  if not i then
    return nil
  end
  options = options and setmetatable(options, { __index = ladder.defaults }) or ladder.defaults
  local now, rate = relay.now(), viewer.rate_bps or 0
  local state = state_of(viewer, now)
  if state.raised and now - state.raised >= options.trial then
    state.raised, state.fails = nil, 0
  end
  if is_troubled(viewer, state, list[i], options) then
    state.clean = now
    if i > 1 and now - state.changed >= options.pause then
      i = step_down(list, i, state, rate, now, options)
    end
  elseif list[i + 1] and now - state.changed >= options.pause and may_step_up(list[i + 1], state, rate, now, options) then
    i = i + 1
    state.raised, state.changed = now, now
  end
  return list[i].name
end

return ladder
