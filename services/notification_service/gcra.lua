-- Generic cell rate algorithm: one patient's notifications, in one atomic step on Redis' own clock.
-- KEYS[1]: holds the theoretical arrival time of the next notification, microseconds.
-- ARGV[1]: emission interval, microseconds. ARGV[2]: burst, notifications at once.
-- Returns {1, 0} when allowed (and charged), {0, wait in microseconds} when not (and nothing charged).
local interval = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local next_arrival = arrival + interval
local wait = next_arrival - burst * interval - now
if wait > 0 then
  return {0, wait}
end
-- Lua would write a number of this size as 1.7672580000001e+15 and lose its last digits.
redis.call('SET', KEYS[1], string.format('%.0f', next_arrival), 'PX', math.ceil((next_arrival - now) / 1000))
return {1, 0}
