"""What the bus tests share: waiting for conditions, reading until something is true, a child to kill."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import redis

from vigil import topology
from vigil.bus import connect
from vigil.bus.port import Bus, Callbacks, Consumer, Record, TopicPartition
from vigil.bus.redis.client import Names
from vigil.settings import Settings

RAW = topology.RAW
ROOT = Path(__file__).resolve().parents[3]


def redis_alone(url: str) -> Settings:
    """Settings of a log of its own on this server, for what only the Redis log has to do."""
    return Settings.load({"REDIS_URL": url, "BUS_PREFIX": f"t{uuid.uuid4().hex[:8]}.", "BUS_TIMEOUT_S": "2"})


def with_topics(settings: Settings) -> Bus:
    """The log, with topics of four partitions."""
    log = connect(settings)
    log.ensure_topics(4)
    return log


def await_true(condition: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    """Waits for a condition; says what did not come true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.01)


def read(consumer: Consumer, count: int, timeout_s: float = 30.0, batch: int = 256) -> list[Record]:
    """Polls until `count` records came."""
    records: list[Record] = []
    deadline = time.monotonic() + timeout_s
    while len(records) < count:
        assert time.monotonic() < deadline, f"only {len(records)} of {count} records came"
        records += consumer.poll(min(batch, count - len(records)), 0.1)
    return records


def send(bus: Bus, values: Iterable[str], topic: str = RAW, partitions: int = 4) -> None:
    """Writes values round robin, acknowledged; the value names its partition's own number too."""
    producer = bus.producer()
    for number, value in enumerate(values):
        producer.send(topic, number % partitions, value.encode())
    producer.flush(30)
    producer.close()


def values(records: Iterable[Record]) -> list[str]:
    """The records' values."""
    return [record.value.decode() for record in records]


def ends(records: Iterable[Record]) -> dict[TopicPartition, int]:
    """What to commit after `records`."""
    return {TopicPartition(r.topic, r.partition): r.offset + 1 for r in records}


def in_order(records: Iterable[Record]) -> bool:
    """Whether each partition's offsets only grow."""
    last: dict[tuple[str, int], int] = {}
    for record in records:
        if record.offset <= last.get((record.topic, record.partition), -1):
            return False
        last[record.topic, record.partition] = record.offset
    return True


def lose_end(raw: "redis.Redis[bytes]", prefix: str, position: TopicPartition, end: int) -> None:
    """As a power cut does it: the records from `end` on are gone, and every connection is broken."""
    stream = Names(prefix).stream(position)
    # Redis keeps a stream's last id, so the stream is made anew as the append-only file would.
    kept = raw.xrange(stream, max=f"{end}-0")
    raw.delete(stream)
    for identity, fields in kept:
        raw.xadd(stream, fields, id=identity)
    raw.set(Names(prefix).next(position), end)
    for client in raw.client_list(_type="normal"):
        if int(client["id"]) != raw.client_id():
            raw.client_kill_filter(_id=client["id"])


class Child:
    """A Python process with the bus's environment, to be killed in the middle of its work."""

    def __init__(self, code: str, environment: dict[str, str]) -> None:
        path = os.pathsep.join([str(ROOT / "python"), str(ROOT)])
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **environment, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """The next line it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """kill -9, and waits."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


class Member:
    """A consumer that writes down what happens to it."""

    def __init__(self, bus: Bus, group: str = "g") -> None:
        self.assigned: list[TopicPartition] = []
        self.revoked: list[TopicPartition] = []
        self.lost: list[TopicPartition] = []
        self.records: list[Record] = []
        self.on_revoke: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None
        self.consumer: Consumer = bus.consumer([RAW], group, Callbacks(self._assign, self._revoke, self._lose))

    def _assign(self, positions: object) -> None:
        self.assigned += positions  # type: ignore[operator]

    def _revoke(self, positions: object) -> None:
        self.on_revoke()
        self.revoked += positions  # type: ignore[operator]

    def _lose(self, positions: object) -> None:
        self.on_lost()
        self.lost += positions  # type: ignore[operator]

    def poll(self) -> list[Record]:
        came = self.consumer.poll(64, 0.05)
        self.records += came
        return came

    def commit_all(self) -> None:
        mine = set(self.consumer.assignment())
        self.consumer.commit({p: o for p, o in ends(self.records).items() if p in mine})
