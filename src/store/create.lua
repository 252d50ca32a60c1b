#!lua
-- Creates a task that has not been claimed yet, also where an interrupted attempt created it before. A claimed task
-- keeps its state. Both are sealed against owners with a lower generation number: another generation may have had the same
-- state id before the store was lost.
--
-- KEYS[1]  the task: hash of e (epoch), q (sequence), p (positions), x (number it is sealed against)
-- ARGV[1]  positions to start at
-- ARGV[2]  the number it is sealed against: one less than its generation's number

local epoch = tonumber(redis.call('HGET', KEYS[1], 'e') or '0')
if epoch > 0 then
  if tonumber(redis.call('HGET', KEYS[1], 'x') or '-1') < tonumber(ARGV[2]) then
    redis.call('HINCRBY', KEYS[1], 'e', 1)
    redis.call('HSET', KEYS[1], 'x', ARGV[2])
  end
  return
end
redis.call('HSET', KEYS[1], 'e', 0, 'q', 0, 'p', ARGV[1], 'x', ARGV[2])
