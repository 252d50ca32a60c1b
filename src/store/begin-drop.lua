#!lua
-- Marks on the list that a generation's deletion has begun, unless it is the active one.
--
-- KEYS[1]  the manifest of the active generation, as JSON; its `generation` is the state id
-- KEYS[2]  the list: hash of state id to manifest
-- ARGV[1]  the generation's state id
-- Returns  0 where it is active, else 1

local active = redis.call('GET', KEYS[1])
if active and cjson.decode(active).generation == tonumber(ARGV[1]) then return 0 end
local text = redis.call('HGET', KEYS[2], ARGV[1])
-- cjson would encode a decoded empty list as an object, so the text is patched.
if text and not cjson.decode(text).dropping then
  redis.call('HSET', KEYS[2], ARGV[1], string.sub(text, 1, -2) .. ',"dropping":true}')
end
return 1
