#!lua flags=no-writes
-- Reads a page of a hash of a task, and the task's last commit, at one moment.
--
-- KEYS[1]  the task: hash of e (epoch), q (sequence)
-- KEYS[2]  the hash
-- ARGV[1]  the cursor
-- ARGV[2]  entries to read, approximately
-- Returns  epoch and sequence, nil where there is no such task; the next cursor; fields and values in turns

local task = redis.call('HMGET', KEYS[1], 'e', 'q')
local page = redis.call('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2])
return { task, page[1], page[2] }
