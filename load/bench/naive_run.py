"""(d) Drives the naive pipeline: preloads its topic, runs its three processes, measures how fast it drains."""

import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from load.bench.bodies import Fleet, stamped
from load.bench.naive import STAGES, TOPICS

ROOT = Path(__file__).resolve().parents[2]


def _end(brokers: str, topic: str, partitions: int) -> int:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "bench-naive-watch"})
    try:
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in range(partitions))
    finally:
        consumer.close()


def drain_rate(brokers: str, prefix: str, observations: int, partitions: int) -> dict[str, float]:
    """Observations a second through all three stages, between the first tenth and the last."""
    import json

    admin = AdminClient({"bootstrap.servers": brokers})
    for made in admin.create_topics([NewTopic(prefix + t, partitions, 1) for t in TOPICS]).values():
        made.result(30)
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})
    fleet, now_ms = Fleet(10_000), int(time.time() * 1000)
    sent = 0
    while sent < observations:
        for pair in fleet.templates():
            for one in json.loads(stamped(pair[sent // fleet.devices % 2], now_ms + sent)):
                producer.produce(prefix + "raw", json.dumps(one).encode(), key=one["deviceId"].encode())
                sent += 1
            producer.poll(0)
            if sent >= observations:
                break
    producer.flush(60)
    command = [sys.executable, "-m", "load.bench.naive"]
    stages = [subprocess.Popen([*command, name, brokers, prefix], cwd=ROOT) for name in STAGES]
    marks: list[tuple[float, int]] = []
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            done = _end(brokers, prefix + "scored", partitions)
            if done >= sent // 10:
                marks.append((time.monotonic(), done))
            if done >= sent:
                break
            time.sleep(0.2)
    finally:
        for stage in stages:
            stage.kill()
    (began, first), (ended, last) = marks[0], marks[-1]
    return {"observations": sent, "rate": round((last - first) / max(ended - began, 1e-9))}
