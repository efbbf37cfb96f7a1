-- SPDX-License-Identifier: MIT OR Apache-2.0
-- A token bucket: lets something happen so many times a second, and a burst at once. It is plain data, so one that is kept in the
-- table of a peer or viewer goes on after a reload. One that lives in a local variable is that of this worker alone.
local relay = require "relay"

local bucket = {}

-- `rate` tokens a second come in, and `burst` are held at most. It is full at first.
function bucket.new(rate, burst)
  assert(type(rate) == "number" and rate > 0, "the rate of a bucket is a number above 0")
  burst = burst or math.max(rate, 1)
  assert(type(burst) == "number" and burst > 0, "the burst of a bucket is a number above 0")
  return { rate = rate, burst = burst, level = burst, at = relay.now() }
end

-- How many tokens there are now.
function bucket.level(self)
  local now = relay.now()
  self.level = math.min(self.burst, self.level + math.max(now - self.at, 0) * self.rate)
  self.at = now
  return self.level
end

-- Takes `count` tokens (1 if it is not given). False: there are not so many, and none is taken.
function bucket.take(self, count)
  count = count or 1
  if bucket.level(self) < count then
    return false
  end
  self.level = self.level - count
  return true
end

return bucket
