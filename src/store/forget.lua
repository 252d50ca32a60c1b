#!lua
-- Makes a generation no longer the active one, if it is.
--
-- KEYS[1]  the manifest of the active generation, as JSON
-- ARGV[1]  the generation
-- ARGV[2]  the number it publishes under
-- Returns  1 where it was the active one, else 0

local text = redis.call('GET', KEYS[1])
if not text then return 0 end
local active = cjson.decode(text)
if active.generation ~= tonumber(ARGV[1]) then return 0 end
if (active.publishedAs or active.generation) ~= tonumber(ARGV[2]) then return 0 end
return redis.call('DEL', KEYS[1])
