"""One bare Kafka hop: produce a small record, consume it in another thread. The yardstick for latencies."""

import threading
import time
import uuid
from collections.abc import Callable

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from load.bench.generator import percentiles

INTERVAL_S = 0.01


class Hop:
    """Sends a record each 10 ms and measures when it arrives."""

    def __init__(self, brokers: str) -> None:
        self._topic = f"bench.hop.{uuid.uuid4().hex[:8]}"
        admin = AdminClient({"bootstrap.servers": brokers})
        admin.create_topics([NewTopic(self._topic, 1, 1)])[self._topic].result(30)
        common = {"bootstrap.servers": brokers}
        self._producer = Producer({**common, "acks": "all", "linger.ms": 0})
        self._consumer = Consumer({**common, "group.id": self._topic, "auto.offset.reset": "earliest"})
        self._consumer.subscribe([self._topic])
        self._stop = threading.Event()
        self.latencies_ms: list[float] = []
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def _write(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            self._producer.produce(self._topic, str(time.time_ns()).encode())
            self._producer.poll(0)

    def _read(self) -> None:
        warm = 50
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error():
                continue
            warm -= 1
            if warm < 0:
                self.latencies_ms.append((time.time_ns() - int(message.value())) / 1e6)

    def stop(self) -> dict[str, float]:
        """Percentiles in milliseconds."""
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        self._producer.flush(5)
        self._consumer.close()
        return percentiles(self.latencies_ms)


def measure(brokers: str, seconds: float) -> dict[str, float]:
    """The hop on an otherwise idle machine."""
    hop = Hop(brokers)
    time.sleep(seconds + 1)
    return hop.stop()


def under(load: Callable[[], object], brokers: str) -> dict[str, float]:
    """The hop while `load` runs."""
    hop = Hop(brokers)
    load()
    return hop.stop()
