"""The Lua scripts: every step that must be atomic, and nothing else. Keys are named in `client.Names`.

Record n of a partition has the stream id `(n+1)-0` (Redis forbids 0-0), so offsets are dense and start at 0.
"""

# Appends a producer's batch. A repetition of its last batch (the answer was lost) changes nothing.
# KEYS: stream, next offset, producer's last batch, last offset per key ('' unless compacted)
# ARGV: batch number, seconds to remember it, then key, value, key, value …
APPEND = """
if redis.call('GET', KEYS[3]) == ARGV[1] then return 0 end
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
local count = (#ARGV - 2) / 2
local next = tonumber(redis.call('GET', KEYS[2]) or '0')
for i = 0, count - 1 do
  local key, id = ARGV[3 + 2 * i], string.format('%d-0', next + 1 + i)
  if key == '' then
    redis.call('XADD', KEYS[1], id, 'v', ARGV[4 + 2 * i], 't', now)
  else
    redis.call('XADD', KEYS[1], id, 'v', ARGV[4 + 2 * i], 't', now, 'k', key)
    if KEYS[4] ~= '' then
      local old = redis.call('HGET', KEYS[4], key)
      if old then redis.call('XDEL', KEYS[1], old) end
      redis.call('HSET', KEYS[4], key, id)
    end
  end
end
redis.call('SET', KEYS[2], string.format('%d', next + count))
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[2])
return count
"""

# Joins or renews a lease, and removes the members whose lease has run out.
# KEYS: members, their topics, generation.  ARGV: member, lease in ms, its topics, '1' to join
# Gives nothing when the member's lease ran out and it was removed, else the generation and all members.
RENEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local changed = false
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not known then
  if ARGV[4] ~= '1' then return {} end
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
  changed = true
end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%d', now))) do
  redis.call('ZREM', KEYS[1], dead)
  redis.call('HDEL', KEYS[2], dead)
  changed = true
end
if changed then redis.call('INCR', KEYS[3]) end
local all = redis.call('ZRANGE', KEYS[1], 0, -1)
local topics = #all > 0 and redis.call('HMGET', KEYS[2], unpack(all)) or {}
return {tonumber(redis.call('GET', KEYS[3]) or '0'), all, topics}
"""

# Takes the partitions that nobody alive holds. KEYS: members, owners. ARGV: member, partitions …
CLAIM = """
local got = {}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return got end
for i = 2, #ARGV do
  local owner = redis.call('HGET', KEYS[2], ARGV[i])
  if not owner or owner == ARGV[1] or not redis.call('ZSCORE', KEYS[1], owner) then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[1])
    got[#got + 1] = ARGV[i]
  end
end
return got
"""

# Gives partitions back, and with '1' leaves the group.
# KEYS: members, their topics, generation, owners. ARGV: member, '1' to leave, partitions …
RELEASE = """
for i = 3, #ARGV do
  if redis.call('HGET', KEYS[4], ARGV[i]) == ARGV[1] then redis.call('HDEL', KEYS[4], ARGV[i]) end
end
if ARGV[2] == '1' then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
end
return redis.call('INCR', KEYS[3])
"""

# Commits all or nothing, and only forwards; refused unless the member's lease holds and it owns all of them.
# KEYS: members, owners, then a partition's commits …  ARGV: member, group, then partition, offset …
COMMIT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not lease or tonumber(lease) < now then return 0 end
for i = 3, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) ~= ARGV[1] then return 0 end
end
for i = 3, #ARGV, 2 do
  local commits, offset = KEYS[(i - 3) / 2 + 3], ARGV[i + 1]
  local old = redis.call('HGET', commits, ARGV[2])
  if not old or tonumber(old) < tonumber(offset) then redis.call('HSET', commits, ARGV[2], offset) end
end
return 1
"""

# Drops what every group has committed, beyond the records and bytes that are kept anyway.
# KEYS: stream, next offset, commits. ARGV: records kept, bytes kept, groups that must have committed …
TRIM = """
local length = redis.call('XLEN', KEYS[1])
if length == 0 then return 0 end
local keep = tonumber(ARGV[1])
local bytes = redis.call('MEMORY', 'USAGE', KEYS[1]) or 0
if bytes > tonumber(ARGV[2]) then keep = math.min(keep, math.floor(length * tonumber(ARGV[2]) / bytes)) end
if length <= keep then return 0 end
local low = tonumber(redis.call('GET', KEYS[2]) or '0') - keep
for i = 3, #ARGV do
  local offset = redis.call('HGET', KEYS[3], ARGV[i])
  if not offset then return 0 end
  low = math.min(low, tonumber(offset))
end
if low <= 0 then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%d-0', low + 1))
"""
