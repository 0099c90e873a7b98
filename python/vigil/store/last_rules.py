"""The last rule set that was good, in Redis: who starts with a wrong rule file goes on with it."""

from typing import Any

import redis

KEY = "vigil:rules:last-good"


class LastRules:
    """One text. Redis being away is no reason to have no rules: then nothing is kept, and nothing found."""

    def __init__(self, url: str, prefix: str, timeout_s: float) -> None:
        self._redis: Any = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
        self._key = prefix + KEY

    def keep(self, text: str) -> bool:
        """Whether it is kept now."""
        try:
            self._redis.set(self._key, text.encode())
        except redis.RedisError:
            return False
        return True

    def find(self) -> str | None:
        """What was kept last."""
        try:
            held: bytes | None = self._redis.get(self._key)
        except redis.RedisError:
            return None
        return None if held is None else held.decode()

    def close(self) -> None:
        """Closes the connection."""
        self._redis.close()
