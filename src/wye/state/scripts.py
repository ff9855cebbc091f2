"""What runs on the Redis server, each as one step that nobody can come between."""

from typing import Final

EXCHANGE: Final = """
local marks, ends, meta, turns = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local known_birth, known_version, new_birth = ARGV[1], ARGV[2], ARGV[3]
local month = 30 * 24 * 3600
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local birth = redis.call('HGET', meta, 'birth')
if not birth then
  birth = new_birth
  redis.call('HSET', meta, 'birth', birth)
  redis.call('EXPIRE', meta, month)
end

local at, changed = 5, false
for _ = 1, tonumber(ARGV[4]) do
  local name, left = ARGV[at], tonumber(ARGV[at + 1])
  if left > 0 then
    redis.call('HSET', marks, name, ARGV[at + 2])
    redis.call('ZADD', ends, now + left, name)
    changed = true
  else
    redis.call('ZREM', ends, name)
    if redis.call('HDEL', marks, name) == 1 then changed = true end
  end
  at = at + 3
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now)) do
  redis.call('ZREM', ends, name)
  redis.call('HDEL', marks, name)
end

local version = tonumber(redis.call('HGET', meta, 'version') or '0')
if changed then
  version = redis.call('HINCRBY', meta, 'version', 1)
  for _, key in ipairs({marks, ends, meta}) do redis.call('EXPIRE', key, month) end
end

local totals = {}
local count = tonumber(ARGV[at])
for _ = 1, count do
  totals[#totals + 1] = redis.call('HINCRBY', turns, ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
if count > 0 then
  redis.call('EXPIRE', turns, month)
  if redis.call('HLEN', turns) > 20000 then redis.call('DEL', turns) end
end

if birth == known_birth and tostring(version) == known_version then
  return {birth, version, 0, {}, totals}
end
local all, heard = redis.call('HGETALL', marks), {}
for i = 1, #all, 2 do
  local till = redis.call('ZSCORE', ends, all[i])
  if till then
    heard[#heard + 1] = all[i]
    heard[#heard + 1] = all[i + 1]
    heard[#heard + 1] = tonumber(till) - now
  end
end
return {birth, version, 1, heard, totals}
"""
"""Takes marks and counts, and answers with everybody's where something changed since the version that is known."""

CLAIM: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
"""Claims a key for its holder, or makes a claim longer that the holder has."""

CONVERSATION: Final = """
local turns, seen, key = {}, {}, KEYS[1]
while true do
  local found = redis.call('HMGET', key, 'kept', 'previous')
  if not found[1] or seen[key] then return {} end
  seen[key] = true
  redis.call('EXPIRE', key, ARGV[2])
  turns[#turns + 1] = found[1]
  if found[2] == '' then return turns end
  key = ARGV[1] .. found[2]
end
"""
"""Returns the turns up to an answer, the last one first, and nothing where one is missing; each is kept longer."""

DIVIDE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder, lasting = ARGV[1], tonumber(ARGV[2])
local answers = {}
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 6
  local amount, booked, floor = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local wanted, keep, counts = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local taken, spent, holders = 0, booked, 1
  local all = redis.call('HGETALL', key)
  for n = 1, #all, 2 do
    if all[n] ~= holder then
      local granted, used, till = string.match(all[n + 1], '(%d+):(%d+):(%d+)')
      if tonumber(till) > now then
        spent = spent + tonumber(used)
        taken = taken + math.max(tonumber(granted), tonumber(used))
        holders = holders + 1
      elseif tonumber(used) > 0 and (counts == 0 or tonumber(till) - lasting + counts > now) then
        spent = spent + tonumber(used)
        taken = taken + tonumber(used)
      else
        redis.call('HDEL', key, all[n])
      end
    end
  end
  local room = amount - taken
  local granted = math.max(floor, math.min(wanted, room))
  local mine = string.format('%.0f:%.0f:%.0f', granted, booked, now + lasting)
  redis.call('HSET', key, holder, mine)
  redis.call('PEXPIRE', key, keep)
  answers[i] = {granted, math.max(0, room - granted), spent, holders}
end
return answers
"""
"""Divides amounts among holders: of each a hash of who holds how much, what of it is used, and until when."""
