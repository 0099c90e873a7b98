"""What the Redis classes share: names of keys, connections, and the mapping of errors."""

import random
import time
from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from vigil.bus.port import BusError, BusUnavailable, QueueFull, TopicPartition
from vigil.settings import Settings

# Signs of a server that is there but takes nothing now: it may heal.
_REFUSES = ("MISCONF", "LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN", "BUSY", "CLUSTERDOWN")


class Names:
    """The keys. Everything of one system starts with its BUS_PREFIX."""

    def __init__(self, prefix: str) -> None:
        self._root = f"{prefix}vigil:"

    def topics(self) -> str:
        """Hash: topic → partition count."""
        return f"{self._root}topics"

    def identities(self) -> str:
        """Hash: topic → what tells it from another one of that name."""
        return f"{self._root}topics:identity"

    def stream(self, position: TopicPartition) -> str:
        """The stream of a partition."""
        return f"{self._root}{position.topic}:{position.partition}"

    def next(self, position: TopicPartition) -> str:
        """The offset that the next record of a partition gets."""
        return f"{self.stream(position)}:next"

    def keys(self, position: TopicPartition) -> str:
        """Hash of a compacted partition: record key → stream id of its last record."""
        return f"{self.stream(position)}:keys"

    def commits(self, position: TopicPartition) -> str:
        """Hash: group → the offset it reads next."""
        return f"{self.stream(position)}:commits"

    def batch(self, position: TopicPartition, producer: str) -> str:
        """The number of a producer's last batch in a partition."""
        return f"{self.stream(position)}:producer:{producer}"

    def group(self, group: str, part: str) -> str:
        """A group's `members` (sorted set by lease), `topics`, `generation` and `owners`."""
        return f"{self._root}group:{group}:{part}"


class Connection:
    """One connection for one thread, with raw answers: no time is spent on making them pretty.

    It reconnects by itself at the next call after an error. Calls are never repeated here.
    """

    def __init__(self, settings: Settings, timeout_s: float | None = None) -> None:
        timeout_s = max(timeout_s or settings.bus_timeout_s, 0.1)
        pool = redis.ConnectionPool.from_url(
            settings.redis(),
            protocol=2,
            socket_timeout=timeout_s,
            socket_connect_timeout=min(timeout_s, 2.0),
            socket_keepalive=True,
            retry=None,
        )
        self.block_s_max = timeout_s / 2
        self.breaks = 0  # how often it broke: another server may answer since, or the same with another memory
        self._raw: Any = pool.make_connection()

    def call(self, *command: Any) -> Any:
        """One command; a Redis error becomes a `BusError`."""
        answer = self.calls([command])[0]
        if isinstance(answer, BusError):
            raise answer
        return answer

    def calls(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """A pipeline. A command's own error stands in its place as a `BusError`; a broken connection raises."""
        raw = self._raw
        try:
            raw.send_packed_command(raw.pack_commands(commands))
            answers = []
            for _ in commands:
                try:
                    answers.append(raw.read_response())
                except (ResponseError, BusyLoadingError) as error:
                    answers.append(as_bus_error(error))
            return answers
        except (RedisError, OSError) as error:
            self._break()
            raise as_bus_error(error) from error
        except BaseException:  # half an answer may be left on the wire
            self._break()
            raise

    def _break(self) -> None:
        self.breaks += 1
        self._raw.disconnect()

    def close(self) -> None:
        """Hangs up."""
        self._raw.disconnect()


def script(text: str, keys: Sequence[str], *arguments: Any) -> list[Any]:
    """The command that runs a script. Its text is sent along: no cache to lose when the server restarts."""
    return ["EVAL", text, len(keys), *keys, *arguments]


def as_bus_error(error: Exception) -> BusError:
    """The typed error for one of the client's."""
    text = str(error)
    if isinstance(error, OutOfMemoryError) or "OOM command" in text[:300]:
        return QueueFull("Redis is out of memory (maxmemory)")
    if isinstance(error, ReadOnlyError | BusyLoadingError) or any(word in text[:300] for word in _REFUSES):
        return BusUnavailable(f"Redis does not accept: {text}")
    if isinstance(error, ResponseError):
        return BusError(f"Redis: {text}", error_code="bus_error", retriable=False)
    return BusUnavailable(f"Redis: {text or type(error).__name__}")


class Backoff:
    """Short, growing, jittered pauses while the server is away."""

    def __init__(self) -> None:
        self._pause_s = 0.0

    def reset(self) -> None:
        """It answered."""
        self._pause_s = 0.0

    def wait(self, most_s: float) -> None:
        """Pauses, at most `most_s`."""
        self._pause_s = min(max(self._pause_s * 2, 0.02), 0.5)
        time.sleep(max(0.0, min(most_s, self._pause_s * random.uniform(0.5, 1.0))))  # noqa: S311
