-- SPDX-License-Identifier: MIT OR Apache-2.0
-- What scripts see of renditions, and what their answers do.
local test = require "test"

local rungs = {
  { path = "show/1/low", bitrate = 500000 },
  { path = "show/1/mid", bitrate = 1500000 },
  { path = "show/1/high", bitrate = 4000000 },
}

local function watch(params, path)
  local policy = test.load("renditions_policy.lua", params)
  return policy:connect({}):ladder(rungs):subscribe(path or "show/1/high")
end

test.case("a subscription begins with the rendition that the script names", function()
  test.equal(watch({ begin = "low" }):served().track, "show/1/low")
  test.equal(watch({ begin = "1/mid" }):served().track, "show/1/mid")
  test.equal(watch({ begin = "show/1/mid" }):served().track, "show/1/mid")
end)

test.case("a rendition that is not there is a refusal with a reason", function()
  local viewer, decision = watch({ begin = "id" }) -- not "mid": names are whole parts
  test.equal(viewer, nil)
  test.equal(decision.verdict, "deny")
end)

test.case("a viewer is moved by name, and sees where it is", function()
  local viewer = watch({ moves = { "low", "mid", "nowhere", "mid" } })
  test.equal(viewer:sample().track, "show/1/low")
  test.equal(viewer:sample().track, "show/1/mid")
  test.equal(viewer:sample().track, "show/1/mid") -- a warning in the log
  test.equal(viewer:sample().track, "show/1/mid")
end)

test.case("the ladder is what the relay says", function()
  local viewer = watch({ echo = true })
  test.equal(viewer:sample().priority, 3)
  test.equal(viewer:sample().latency, 2000)
end)

test.case("a viewer that falls behind is skipped or closed, others are not asked about", function()
  local viewer = watch({ backlog = "skip" })
  test.equal(viewer:sample({ backlog_ms = 400 }).skips, 0)
  test.equal(viewer:sample({ backlog_ms = 700 }).skips, 1)
  test.equal(viewer:sample().skips, 1)
  test.check(watch({ backlog = "close" }):sample({ backlog_ms = 900 }).closed)
  test.equal(watch({ backlog = { track = "low" } }):sample({ backlog_ms = 900 }).track, "show/1/low")
end)

test.case("a wrong word is a fault with its place", function()
  test.fails("renditions_policy.lua", function()
    watch({ backlog = "drop" }):sample({ backlog_ms = 900 })
  end)
end)
