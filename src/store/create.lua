#!lua
-- Lays out a task that nobody has claimed yet, anew where an earlier attempt was interrupted. A claimed one stays
-- as it is. The sequence is one before the first: the commit of its seed brings it to 0. Either is sealed against
-- whoever knows its generation under a lesser number: before a store was emptied, another may have had its name.
--
-- KEYS[1]  the task: hash of e (epoch), q (sequence), p (positions), x (number it is sealed against)
-- ARGV[1]  positions to start at
-- ARGV[2]  the number it is sealed against: one less than its generation publishes under
-- Returns  1 where it was laid out, 0 where it is claimed

local epoch = tonumber(redis.call('HGET', KEYS[1], 'e') or '0')
if epoch > 0 then
  if tonumber(redis.call('HGET', KEYS[1], 'x') or '-1') < tonumber(ARGV[2]) then
    redis.call('HINCRBY', KEYS[1], 'e', 1)
    redis.call('HSET', KEYS[1], 'x', ARGV[2])
  end
  return 0
end
redis.call('HSET', KEYS[1], 'e', 0, 'q', -1, 'p', ARGV[1], 'x', ARGV[2])
return 1
