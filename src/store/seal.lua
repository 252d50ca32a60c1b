#!lua
-- Fences a task for all owners that run under a generation number or a lower one.
--
-- KEYS[1]  the task: hash of e (epoch), q (sequence), p (positions), c (epoch of the last commit),
--          x (number it is sealed against)
-- KEYS[2]  the outbox
-- ARGV[1]  the number
-- Returns  nil where there is no such task, else positions, epoch of the last commit, outbox (nil where none)

if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
if tonumber(redis.call('HGET', KEYS[1], 'x') or '-1') < tonumber(ARGV[1]) then
  redis.call('HINCRBY', KEYS[1], 'e', 1)
  redis.call('HSET', KEYS[1], 'x', ARGV[1])
end
local task = redis.call('HMGET', KEYS[1], 'p', 'c')
return { task[1], task[2] or '0', redis.call('GET', KEYS[2]) }
