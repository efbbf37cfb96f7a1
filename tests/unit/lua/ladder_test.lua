-- SPDX-License-Identifier: MIT OR Apache-2.0
local test, ladder = require "test", require "ladder"

local MBPS = 1e6
local LADDER = { { name = "240p", bitrate = 0.5 * MBPS }, { name = "720p", bitrate = 2 * MBPS }, { name = "1080p", bitrate = 5 * MBPS } }
local STEP = 0.25 -- as often as `sample` is called

-- A viewer behind a link: what it cannot carry waits, and what waits for longer than the latency is skipped.
local function viewer_on(track)
  return { ladder = LADDER, track = track, latency = 1000, backlog_ms = 0, rate_bps = 0, late = 0 }
end

local function bitrate_of(viewer)
  for _, rendition in ipairs(LADDER) do
    if rendition.name == viewer.track then
      return rendition.bitrate
    end
  end
end

-- Runs for `seconds` on a link of `link` bits per second. The estimate is what was sent if that is less. Returns the changes.
local function watch(viewer, link, seconds)
  local changes, late_s = {}, 0
  for _ = 1, seconds / STEP do
    local bitrate = bitrate_of(viewer)
    viewer.backlog_ms = math.max(0, viewer.backlog_ms + (bitrate / link - 1) * STEP * 1000)
    if viewer.backlog_ms > viewer.latency then
      viewer.late, viewer.backlog_ms, late_s = viewer.late + 1, viewer.latency / 2, late_s + STEP
    end
    viewer.rate_bps = math.min(link, viewer.backlog_ms > 0 and link or bitrate * 1.3)
    local choice = ladder.pick(viewer)
    if choice ~= viewer.track then
      changes[#changes + 1] = choice
      viewer.track = choice
      viewer.backlog_ms = 0
    end
    test.advance(STEP)
  end
  return changes, late_s
end

test.case("6 -> 1 -> 6 Mb/s: down at once, and up again", function()
  local viewer = viewer_on("1080p")
  test.equal(watch(viewer, 6 * MBPS, 60), {})
  local changes, late_s = watch(viewer, 1 * MBPS, 60)
  test.equal(changes[1], "240p", "what 1 Mb/s carries")
  test.check(late_s <= 2, "late for " .. late_s .. " s")
  test.equal(viewer.track, "240p")
  watch(viewer, 6 * MBPS, 60)
  test.equal(viewer.track, "1080p")
end)

test.case("the first step down comes with the first trouble", function()
  local viewer = viewer_on("1080p")
  watch(viewer, 6 * MBPS, 10)
  local changes = watch(viewer, 1 * MBPS, 2 * STEP)
  test.equal(changes, { "240p" })
end)

test.case("tries that fail become rare", function()
  local viewer = viewer_on("720p")
  local early = #watch(viewer, 3 * MBPS, 120)
  local later = #watch(viewer, 3 * MBPS, 600)
  test.equal(viewer.track, "720p")
  test.check(early > 0 and later / 600 < early / 120, ("%d changes in 120 s, then %d in 600 s"):format(early, later))
  test.check(later <= 10, later .. " changes in ten minutes")
end)

test.case("after a try that went well, the next is not slow", function()
  local viewer = viewer_on("240p")
  watch(viewer, 3 * MBPS, 120)
  watch(viewer, 20 * MBPS, 400)
  test.equal(viewer.track, "1080p")
  test.equal(viewer.ladder_state.fails, 0)
end)

test.case("two steps are never closer than the pause", function()
  local viewer, last = viewer_on("1080p"), nil
  for second = 1, 200 do
    local changes = watch(viewer, (second % 7 < 3 and 0.3 or 8) * MBPS, 1)
    test.check(#changes <= 1, "more than one change in a second")
    test.check(#changes == 0 or not last or second - last >= 1, "two changes at once")
    last = #changes > 0 and second or last
  end
end)

test.case("a low rate while little is sent is no trouble", function()
  local viewer = viewer_on("1080p")
  for _ = 1, 100 do
    viewer.rate_bps = 1 * MBPS
    test.equal(ladder.pick(viewer), "1080p")
    test.advance(STEP)
  end
end)

-- A viewer whose relay tells what waits, and moves it when the test says so.
local function look(viewer, numbers)
  for name, value in pairs(numbers) do
    viewer[name] = value
  end
  test.advance(STEP)
  return ladder.pick(viewer)
end

-- Looks at it while `link` bits per second are sent, and nothing is skipped. Returns the last choice.
local function fall(viewer, link, looks)
  local choice
  for _ = 1, looks do
    local sent = link * STEP / 8
    choice = look(viewer, {
      bytes_sent = viewer.bytes_sent + sent,
      backlog_bytes = viewer.backlog_bytes + bitrate_of(viewer) * STEP / 8 - sent,
    })
  end
  return choice
end

local function watching(track, rate_bps)
  local viewer = viewer_on(track)
  viewer.bytes_sent, viewer.backlog_bytes, viewer.rate_bps, viewer.latency = 0, 100000, rate_bps, 10000
  ladder.pick(viewer)
  return viewer
end

test.case("what the path takes now counts more than what it took once", function()
  test.equal(fall(watching("1080p", 6 * MBPS), 1 * MBPS, 2), "240p")
  test.equal(fall(watching("1080p", 6 * MBPS), 3 * MBPS, 2), "720p")
end)

test.case("a choice holds until the relay has made it", function()
  local viewer = watching("1080p", 6 * MBPS)
  fall(viewer, 1 * MBPS, 2)
  for _ = 1, 4 do
    test.equal(look(viewer, { backlog_bytes = 0 }), "240p")
  end
  viewer.track = "240p"
  test.equal(look(viewer, {}), "240p")
end)

test.case("a lower choice replaces one that the relay has not made", function()
  local viewer = watching("1080p", 6 * MBPS)
  test.equal(fall(viewer, 3 * MBPS, 2), "720p")
  test.equal(fall(viewer, 0.4 * MBPS, 3), "240p")
end)

test.case("a choice that the relay does not make is given up", function()
  local viewer = watching("240p", 6 * MBPS)
  viewer.backlog_bytes = 0
  local changes, last = {}, "240p"
  for _ = 1, 30 / STEP do
    local choice = look(viewer, {})
    changes[#changes + 1] = choice ~= last and choice or nil
    last = choice
  end
  test.equal(changes, { "720p", "240p", "720p" })
end)

test.case("a large picture is no trouble for a path that takes it", function()
  local viewer = watching("1080p", 6 * MBPS)
  for _ = 1, 40 do
    test.equal(look(viewer, { bytes_sent = viewer.bytes_sent + 190000, backlog_bytes = 100000 }), "1080p")
    test.equal(look(viewer, { bytes_sent = viewer.bytes_sent + 120000, backlog_bytes = 0 }), "1080p")
  end
end)

test.case("what is left of a rendition that was too large does not count against the next", function()
  local viewer = watching("1080p", 6 * MBPS)
  viewer.latency = 1000
  test.equal(fall(viewer, 3 * MBPS, 2), "720p")
  viewer.track = "720p"
  for _ = 1, 8 do
    viewer.late = viewer.late + 1
    test.equal(look(viewer, { bytes_sent = viewer.bytes_sent + 3 * MBPS * STEP / 8, backlog_ms = 900 }), "720p")
  end
end)

test.case("who has no ladder is left alone", function()
  test.equal(ladder.pick { track = "demo/a" }, nil)
  test.equal(ladder.pick { track = "demo/other", ladder = LADDER }, nil)
  test.equal(ladder.pick { track = "demo/720p", ladder = LADDER }, "720p")
  test.equal(ladder.pick { track = "demo/x720p", ladder = LADDER }, nil)
end)

test.case("the top and the bottom are the ends", function()
  local viewer = viewer_on("240p")
  watch(viewer, 0.1 * MBPS, 60)
  test.equal(viewer.track, "240p")
  viewer = viewer_on("1080p")
  test.equal(watch(viewer, 100 * MBPS, 600), {})
end)

test.case("options replace defaults", function()
  local viewer = viewer_on("240p")
  viewer.rate_bps = 0
  ladder.pick(viewer, { probe = 1, pause = 0 })
  test.advance(1)
  test.equal(ladder.pick(viewer, { probe = 1, pause = 0 }), "720p")
end)

test.case("options with a wrong name are errors", function()
  test.fails("ladder has no option \"headrom\"; there are: backlog_ms headroom", ladder.options, { headrom = 0.7 })
  local options = ladder.options { headroom = 0.7 }
  test.equal(options.headroom, 0.7)
  test.equal(options.probe, ladder.defaults.probe)
  test.equal(ladder.options(options), options)
end)
