"""The event log on Redis Streams: one stream per partition, offsets and groups of our own."""

from vigil.bus.redis.log import RedisBus

__all__ = ["RedisBus"]
