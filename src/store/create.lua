#!lua
-- Lays out a task that nobody has claimed yet, anew where an earlier attempt was interrupted. A claimed one stays
-- as it is. The sequence is one before the first: the commit of its seed brings it to 0.
--
-- KEYS[1]  the task: hash of e (epoch), q (sequence), p (positions)
-- ARGV[1]  positions to start at
-- Returns  1 where it was laid out, 0 where it is claimed

local epoch = tonumber(redis.call('HGET', KEYS[1], 'e') or '0')
if epoch > 0 then return 0 end
redis.call('HSET', KEYS[1], 'e', 0, 'q', -1, 'p', ARGV[1])
return 1
