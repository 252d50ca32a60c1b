#!lua
-- Replaces the manifest of the active generation, if that is the one expected, and the new one is on the list and not
-- being dropped.
--
-- KEYS[1]  the manifest of the active generation, as JSON; its `generation` is the state id, its `publishedAs` the number
-- KEYS[2]  the list: hash of state id to manifest
-- ARGV[1]  the state id expected
-- ARGV[2]  the number expected
-- ARGV[3]  '1' where its cut-over is expected to be complete, '0' where not
-- ARGV[4]  the state id of the new active generation
-- ARGV[5]  its manifest
-- Returns  1 where it was replaced, else 0

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
