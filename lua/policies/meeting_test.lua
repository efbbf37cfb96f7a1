-- SPDX-License-Identifier: MIT OR Apache-2.0
local test = require "test"

test.case("rooms have little delay, and sound goes first", function()
  local peer = test.load("meeting.lua", { latency = 200 }):connect {}
  local picture, sound = peer:subscribe("meet/1/video1"):served(), peer:subscribe("meet/1/audio2"):served()
  test.equal({ picture.latency, picture.order, picture.priority }, { 200, "newest", 160 })
  test.equal({ sound.latency, sound.order, sound.priority }, { 200, "newest", 200 })
end)

test.case("other paths are left alone", function()
  test.equal(test.load("meeting.lua"):connect({}):subscribe("film/1/video1"):served().priority, 128)
end)
