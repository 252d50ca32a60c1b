#!lua
-- Deactivates a generation, if it is the active one.
--
-- KEYS[1]  the manifest of the active generation, as JSON; its `generation` is the state id, its `publishedAs` the number
-- ARGV[1]  the generation's state id
-- ARGV[2]  its number
-- Returns  1 where it was the active one, else 0

local text = redis.call('GET', KEYS[1])
if not text then return 0 end
local active = cjson.decode(text)
if active.generation ~= tonumber(ARGV[1]) then return 0 end
if (active.publishedAs or active.generation) ~= tonumber(ARGV[2]) then return 0 end
return redis.call('DEL', KEYS[1])
