#!lua
-- Makes the caller the owner of a task: the epochs given before are worth nothing from here on.
--
-- KEYS[1]  the task: hash of e (epoch), q (sequence), p (positions)
-- KEYS[2]  the outbox
-- Returns  nil where there is no such task, else epoch, sequence, positions, outbox (nil where there is none)

if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
redis.call('HINCRBY', KEYS[1], 'e', 1)
local task = redis.call('HMGET', KEYS[1], 'e', 'q', 'p')
return { task[1], task[2], task[3], redis.call('GET', KEYS[2]) }
