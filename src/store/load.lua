#!lua flags=no-writes
-- Reads fields of several hashes of a task, and its last commit, at one moment.
--
-- KEYS[1]    the task: hash of e (epoch), q (sequence), p (positions)
-- KEYS[2..]  the hashes
-- ARGV[1..]  for each of them: a packed read (see packing.ts)
-- Returns    epoch, sequence and positions, nil where there is no such task; then for each of the hashes: the values, nil
--            where absent

local CHUNK = 7000 -- fields at once: must stay below the 8,000 that unpack can take

local out = { redis.call('HMGET', KEYS[1], 'e', 'q', 'p') }
for k = 2, #KEYS do
  local blob = ARGV[k - 1]
  local count, at = struct.unpack('>I4', blob)
  local values
  repeat
    local n = math.min(count, CHUNK)
    local fields = { struct.unpack('>' .. string.rep('I2c0', n), blob, at) }
    at = table.remove(fields)
    local part = redis.call('HMGET', KEYS[k], unpack(fields))
    if not values then
      values = part
    else
      for i = 1, n do values[#values + 1] = part[i] end
    end
    count = count - n
  until count == 0
  out[k] = values
end
return out
