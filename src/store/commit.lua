#!lua
-- Atomically writes the changes of one batch to a task. Redis does not undo what a script wrote before it failed, so
-- everything is checked and unpacked first. The first write is an HSET: where memory is short, Redis refuses that one,
-- before anything has changed.
--
-- KEYS[1]    the task: hash of e (epoch), q (sequence), p (positions), c (epoch of the last commit)
-- KEYS[2]    the outbox: string, absent where there is none
-- KEYS[3..]  hashes to write
-- ARGV[1]    epoch of the owner
-- ARGV[2]    sequence of this commit
-- ARGV[3]    positions expected
-- ARGV[4]    positions to store
-- ARGV[5]    '1' where ARGV[6] is an outbox to store, '0' where there is to be none
-- ARGV[6]    the outbox
-- ARGV[7..]  for each of KEYS[3..]: a packed write (see packing.ts)
-- Returns    'committed', 'fenced', 'rolled-back' or 'lost'

local CHUNK = 3000 -- fields at once: two values each must stay below the 8,000 that unpack can take

local task = redis.call('HMGET', KEYS[1], 'e', 'q', 'p')
local epoch, sequence, positions = tonumber(task[1]), tonumber(task[2]), task[3]
local owner, commit, expected, following = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]

if not epoch then return 'lost' end
if epoch > owner then return 'fenced' end
if epoch < owner then return 'rolled-back' end
if sequence == commit and positions == following then return 'committed' end
if sequence ~= commit - 1 then return 'rolled-back' end
if positions ~= expected then return 'rolled-back' end

local function unpackValues(blob, at, count, format, width, chunks)
  while count > 0 do
    local n = math.min(count, CHUNK)
    local values = { struct.unpack('>' .. string.rep(format, n), blob, at) }
    at = table.remove(values)
    assert(#values == n * width, 'a packed write is broken')
    chunks[#chunks + 1] = values
    count = count - n
  end
  return at
end

local sets, deletes = {}, {}
for k = 3, #KEYS do
  local blob = ARGV[k + 4]
  local set, delete, at = struct.unpack('>I4I4', blob)
  sets[k], deletes[k] = {}, {}
  at = unpackValues(blob, at, set, 'I2c0I4c0', 2, sets[k])
  at = unpackValues(blob, at, delete, 'I2c0', 1, deletes[k])
  assert(at == #blob + 1, 'a packed write is broken')
end

redis.call('HSET', KEYS[1], 'q', ARGV[2], 'p', following, 'c', ARGV[1])
if ARGV[5] == '1' then redis.call('SET', KEYS[2], ARGV[6]) else redis.call('DEL', KEYS[2]) end
for k = 3, #KEYS do
  for _, values in ipairs(sets[k]) do redis.call('HSET', KEYS[k], unpack(values)) end
  for _, fields in ipairs(deletes[k]) do redis.call('HDEL', KEYS[k], unpack(fields)) end
end
return 'committed'
