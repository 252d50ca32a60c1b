#!lua
-- Makes the caller the owner of a task: earlier epochs are void from here on. An epoch is never given twice, also
-- where the store came back with older state: it is no less than the caller's time.
--
-- KEYS[1]  the task: hash of e (epoch), q (sequence), p (positions), c (epoch of the last commit),
--          x (number it is sealed against)
-- KEYS[2]  the outbox
-- ARGV[1]  the number of the caller's generation
-- ARGV[2]  the caller's time in milliseconds
-- Returns  nil where there is no such task or it is sealed, else epoch, sequence, positions, epoch of the last commit,
--          outbox (nil where none)

if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
if tonumber(redis.call('HGET', KEYS[1], 'x') or '-1') >= tonumber(ARGV[1]) then return nil end
local epoch = math.max(tonumber(redis.call('HGET', KEYS[1], 'e') or '0') + 1, tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'e', string.format('%.0f', epoch))
local task = redis.call('HMGET', KEYS[1], 'e', 'q', 'p', 'c')
return { task[1], task[2], task[3], task[4] or '0', redis.call('GET', KEYS[2]) }
