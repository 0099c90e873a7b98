"""Checkpoints of the rules engine's state, in Redis: per partition a snapshot followed by deltas.

Only the latest owner of a partition may write: `acquire` raises the partition's epoch and every write names
the epoch it was made under, so a process that lost the partition cannot damage its successor's state.
"""

from typing import Any, cast

import redis

from vigil.bus.port import BusUnavailable

# KEYS: epoch. An epoch is a time, so that it grows even over a loss of all data.
_ACQUIRE = """
local now = redis.call('TIME')
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
local mine = string.format('%.0f', math.max(held + 1, now[1] * 1000 + math.floor(now[2] / 1000)))
redis.call('SET', KEYS[1], mine)
return mine
"""

# KEYS: epoch, segments, log. ARGV: epoch, "full" or "delta", segment, log.
# Returns the number of segments, -1 = not the owner, -2 = what the delta builds on is gone.
_WRITE = """
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
if held > tonumber(ARGV[1]) then return -1 end
if ARGV[2] == 'full' then
  redis.call('SET', KEYS[1], ARGV[1])
  redis.call('DEL', KEYS[2])
  redis.call('SET', KEYS[3], ARGV[4])
elseif held ~= tonumber(ARGV[1]) or redis.call('LLEN', KEYS[2]) == 0 then
  return -2
end
return redis.call('RPUSH', KEYS[2], ARGV[3])
"""


class NotTheOwner(Exception):
    """Another process has taken the partition over."""


class CheckpointLost(Exception):
    """The store no longer has what a delta builds on: the next checkpoint must be whole."""


class Checkpoints:
    """Reads and writes segments. Bytes are the core's business."""

    def __init__(self, url: str, prefix: str, timeout_s: float) -> None:
        self._redis: Any = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
        self._acquire = self._redis.register_script(_ACQUIRE)
        self._write = self._redis.register_script(_WRITE)
        self._prefix = f"{prefix}vigil:checkpoint"
        self._epochs: dict[int, int] = {}

    def ping(self) -> None:
        """Raises when Redis does not answer."""
        self._redis.ping()

    def acquire(self, partition: int) -> list[bytes]:
        """Takes the partition over; returns its snapshot and deltas, oldest first. Raises `BusUnavailable`."""
        try:
            self._epochs[partition] = int(self._acquire([f"{self._prefix}:{partition}:epoch"]))
            return self.segments(partition)
        except redis.RedisError as error:
            raise BusUnavailable(f"the checkpoint store does not answer: {error}") from error

    def segments(self, partition: int) -> list[bytes]:
        """The partition's snapshot and deltas, oldest first."""
        try:
            return cast(list[bytes], self._redis.lrange(f"{self._prefix}:{partition}:segments", 0, -1))
        except redis.RedisError as error:
            raise BusUnavailable(f"the checkpoint store does not answer: {error}") from error

    def log(self, partition: int) -> str:
        """The identity of the log that the partition's offsets belong to; empty when it is not known."""
        try:
            return bytes(self._redis.get(f"{self._prefix}:{partition}:log") or b"").decode()
        except redis.RedisError as error:
            raise BusUnavailable(f"the checkpoint store does not answer: {error}") from error

    def write(self, partition: int, segment: bytes, *, full: bool, log: str = "") -> int:
        """Replaces everything by a snapshot (whose offset is of `log`), or appends a delta; returns the number of
        segments now.

        Takes the partition over first if that was not possible before. Raises `NotTheOwner`, `CheckpointLost`,
        or `BusUnavailable` when Redis does not answer."""
        if partition not in self._epochs:
            self.acquire(partition)
        keys = [f"{self._prefix}:{partition}:{part}" for part in ("epoch", "segments", "log")]
        try:
            count = int(self._write(keys, [self._epochs[partition], "full" if full else "delta", segment, log]))
        except redis.RedisError as error:
            raise BusUnavailable(f"the checkpoint store does not answer: {error}") from error
        if count == -2:
            raise CheckpointLost(f"the store lost the checkpoint of partition {partition}")
        if count < 0:
            raise NotTheOwner(f"partition {partition} has another owner")
        return count

    def release(self, partition: int) -> None:
        """Forgets the epoch: this process will not write the partition again."""
        self._epochs.pop(partition, None)

    def close(self) -> None:
        """Closes the connections."""
        self._redis.close()
