#!lua
-- Makes a generation no longer the active one, if it is.
--
-- KEYS[1]  the manifest of the active generation, as JSON
-- ARGV[1]  the generation
-- Returns  1 where it was the active one, else 0

local text = redis.call('GET', KEYS[1])
if not text or cjson.decode(text).generation ~= tonumber(ARGV[1]) then return 0 end
return redis.call('DEL', KEYS[1])
