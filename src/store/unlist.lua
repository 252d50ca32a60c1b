#!lua
-- Removes a generation from the list, unless it is the active one.
--
-- KEYS[1]  the manifest of the active generation, as JSON; its `generation` is the state id
-- KEYS[2]  the list: hash of state id to manifest
-- ARGV[1]  the generation's state id
-- Returns  1 where it is no longer on the list, 0 where it is active

local text = redis.call('GET', KEYS[1])
if text and cjson.decode(text).generation == tonumber(ARGV[1]) then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
