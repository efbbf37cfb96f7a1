-- SPDX-License-Identifier: MIT OR Apache-2.0
local test, bucket = require "test", require "bucket"

test.case("a burst, and then the rate", function()
  local mine = bucket.new(2, 5)
  for _ = 1, 5 do
    test.check(bucket.take(mine))
  end
  test.check(not bucket.take(mine))
  test.advance(0.4)
  test.check(not bucket.take(mine))
  test.advance(0.2)
  test.check(bucket.take(mine))
  test.advance(1000)
  test.equal(bucket.level(mine), 5)
  test.check(not bucket.take(mine, 6))
  test.check(bucket.take(mine, 5))
end)

test.case("what makes no sense is told", function()
  test.fails("the rate of a bucket", bucket.new, 0)
  test.fails("the burst of a bucket", bucket.new, 1, -1)
end)
