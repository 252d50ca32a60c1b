#!lua
-- Puts another manifest in the active one's place, if that is the one expected, and the other one is on the list and not
-- being dropped.
--
-- KEYS[1]  the manifest of the active generation, as JSON
-- KEYS[2]  the list: hash of generation to manifest
-- ARGV[1]  the generation expected
-- ARGV[2]  the number it publishes under
-- ARGV[3]  '1' where its cut-over is expected to be settled, '0' where not
-- ARGV[4]  the generation that takes its place
-- ARGV[5]  its manifest
-- Returns  1 where it was put there, else 0

local text = redis.call('GET', KEYS[1])
if not text then return 0 end
local active = cjson.decode(text)
local settled = active.settled == false and '0' or '1'
if active.generation ~= tonumber(ARGV[1]) or settled ~= ARGV[3] then return 0 end
if (active.publishedAs or active.generation) ~= tonumber(ARGV[2]) then return 0 end
local listed = redis.call('HGET', KEYS[2], ARGV[4])
if not listed or cjson.decode(listed).dropping then return 0 end
redis.call('HSET', KEYS[2], tostring(active.generation), text)
redis.call('SET', KEYS[1], ARGV[5])
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
return 1
