#!lua flags=no-writes
-- Reads fields of one hash of a task, and how many fields others have, at one moment.
--
-- KEYS[1]    the hash to read
-- KEYS[2..]  the hashes to count
-- ARGV[1]    a packed read (see packing.ts), of at most 7,000 fields
-- Returns    the values, nil where absent; then the numbers of fields, 0 where there is no such hash

local count, at = struct.unpack('>I4', ARGV[1])
local fields = { struct.unpack('>' .. string.rep('I2c0', count), ARGV[1], at) }
table.remove(fields)
local numbers = {}
for k = 2, #KEYS do numbers[k - 1] = redis.call('HLEN', KEYS[k]) end
return { redis.call('HMGET', KEYS[1], unpack(fields)), numbers }
