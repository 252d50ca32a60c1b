#!lua
-- Activates and lists a generation, unless one is active.
--
-- KEYS[1]  the manifest of the active generation, as JSON
-- KEYS[2]  the list: hash of state id to manifest
-- ARGV[1]  the generation's state id
-- ARGV[2]  its manifest
-- Returns  the manifest that is active in the end

local active = redis.call('GET', KEYS[1])
if active then return active end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return ARGV[2]
