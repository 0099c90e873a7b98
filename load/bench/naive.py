"""The pipeline as it is usually written: a message is an observation, JSON on every topic, Python throughout.

It is an honest peer, not a straw man: confluent-kafka, one dictionary per message, the same limits, delay-free
episodes, asynchronous commits. `python -m load.bench.naive STAGE BROKERS PREFIX` runs one stage.
"""

import json
import sys
import uuid
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, Producer

Message = dict[str, Any]
NAMES = {"hr": "heart_rate", "spo2": "spo2", "rr": "respiratory_rate", "temp": "temperature", "sbp": "systolic",
         "dbp": "diastolic"}  # fmt: skip
PLAUSIBLE = {"heart_rate": (0, 350), "spo2": (0, 100), "respiratory_rate": (0, 120), "temperature": (20, 45),
             "systolic": (20, 320), "diastolic": (5, 220)}  # fmt: skip
LIMITS = {"heart_rate": (50, 120), "spo2": (90, 101), "respiratory_rate": (8, 25), "temperature": (35, 38.5),
          "systolic": (90, 180), "diastolic": (40, 110)}  # fmt: skip
TOPICS = ("raw", "normalized", "enriched", "scored")


def normalize(message: Message) -> Message:
    """Names, plausibility."""
    vitals = {}
    for name, value in message["metrics"].items():
        field = NAMES.get(name)
        if field is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
            low, high = PLAUSIBLE[field]
            vitals[field] = {"value": float(value), "valid": low <= value <= high}
    return {
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{message['deviceId']}:{message['timestamp']}")),
        "device_id": message["deviceId"],
        "event_time": message["timestamp"],
        "vitals": vitals,
    }


def enrich(message: Message) -> Message:
    """Patient context from a dictionary."""
    return {**message, "patient": {"patient_id": "p-" + message["device_id"], "age": 60, "ward": "bench"}}


class Rules:
    """Limits and episodes."""

    def __init__(self) -> None:
        self._open: set[tuple[str, str]] = set()
        self.alerts: list[Message] = []

    def __call__(self, message: Message) -> Message:
        """Evaluates every sign against its limits."""
        patient = message["patient"]["patient_id"]
        for field, vital in message["vitals"].items():
            if not vital["valid"]:
                continue
            low, high = LIMITS[field]
            out, key = not low <= vital["value"] <= high, (patient, field)
            if out and key not in self._open:
                self._open.add(key)
                self.alerts.append({"patient": patient, "sign": field, "phase": "START"})
            elif not out and key in self._open:
                self._open.discard(key)
                self.alerts.append({"patient": patient, "sign": field, "phase": "END"})
        return {**message, "scores": {}}


STAGES: dict[str, tuple[str, str, Callable[[], Callable[[Message], Message]]]] = {
    "normalize": ("raw", "normalized", lambda: normalize),
    "enrich": ("normalized", "enriched", lambda: enrich),
    "rules": ("enriched", "scored", Rules),
}


def main() -> None:
    """Runs one stage until it is killed."""
    name, brokers, prefix = sys.argv[1:4]
    source, target, make = STAGES[name]
    work = make()
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": prefix + name, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})  # fmt: skip
    producer = Producer({"bootstrap.servers": brokers, "acks": "all", "linger.ms": 5, "enable.idempotence": True,
                         "queue.buffering.max.messages": 500_000})  # fmt: skip
    consumer.subscribe([prefix + source])
    since_commit = 0
    while True:
        message = consumer.poll(0.5)
        if message is None or message.error():
            producer.flush(5)
            continue
        made = work(json.loads(message.value()))
        producer.produce(prefix + target, json.dumps(made).encode(), key=message.key())
        producer.poll(0)
        since_commit += 1
        if since_commit >= 2000:
            producer.flush(10)
            consumer.commit(asynchronous=True)
            since_commit = 0


if __name__ == "__main__":
    main()
