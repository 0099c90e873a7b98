"""The log goes away and comes back: a real server of the test's own is stopped, killed and started again."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from tests.integration.bus.support import RAW, await_true, in_order, read, send, values
from vigil.bus import connect
from vigil.bus.port import Bus, BusUnavailable, DeliveryFailed, Record
from vigil.embedded.kafka import EmbeddedKafka
from vigil.embedded.redis import EmbeddedRedis
from vigil.settings import Settings

Server = EmbeddedKafka | EmbeddedRedis


@pytest.fixture(scope="module", params=["redis", pytest.param("kafka", marks=pytest.mark.kafka)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("outage")
    with EmbeddedKafka(folder, short_lived=True) if request.param == "kafka" else EmbeddedRedis(folder) as running:
        yield running


def log_of(server: Server, timeout_s: float) -> Bus:
    where = {"KAFKA_BROKERS": server.brokers} if isinstance(server, EmbeddedKafka) else {"REDIS_URL": server.url}
    # Whoever bridges an absence keeps its partitions: what a lost session repeats is not what is tested here.
    patience = {"BUS_TIMEOUT_S": str(timeout_s), "BUS_SESSION_TIMEOUT_S": str(max(6.0, timeout_s))}
    bus = connect(Settings.load({**where, **patience, "BUS_PREFIX": f"{time.time_ns()}."}))
    bus.ensure_topics(4)
    return bus


def test_away_is_said_and_back_is_noticed(server: Server) -> None:
    bus = log_of(server, 2.0)
    consumer, producer = bus.consumer([RAW], "g"), bus.producer()
    send(bus, [f"before{number}" for number in range(40)])
    records = read(consumer, 40)
    server.stop()

    acks: list[object] = []
    producer.send(RAW, 0, b"given up", on_ack=acks.append)
    began = time.monotonic()
    with pytest.raises(DeliveryFailed):
        producer.flush(2.0)
    assert time.monotonic() - began < 6.0
    assert [type(ack) for ack in acks] != [type(None)]
    with pytest.raises(BusUnavailable):
        await_true(lambda: consumer.poll(10, 0.1) == ["never"], "absence is said", 15)
    with pytest.raises(BusUnavailable):
        bus.ping(0.5)

    server.start()
    await_true(lambda: _sent(producer, b"after"), "the same producer works again")
    got = _read_until(consumer, "after", records)
    assert values(got).count("given up") == 0, "what was given up must not arrive behind its repetition"
    assert {f"before{number}" for number in range(40)} <= set(values(got))
    consumer.close()
    producer.close()


def test_a_short_absence_is_bridged_once_and_in_order(server: Server) -> None:
    bus = log_of(server, 30.0)
    consumer, producer = bus.consumer([RAW], "g"), bus.producer()
    send(bus, ["warm"])
    read(consumer, 1)
    for number in range(20):
        producer.send(RAW, 1, b"early%d" % number)
    producer.flush(10)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    for number in range(200):
        producer.send(RAW, 1, b"%d" % number)
    back = threading.Thread(target=lambda: (server.stop(), server.start()))
    back.start()
    producer.flush(30)
    back.join()
    got = _read_until(consumer, "199", [])
    late = [value for value in values(got) if value.isdigit()]
    assert late == [str(number) for number in range(200)]
    assert in_order(got)
    consumer.close()
    producer.close()


def _sent(producer: object, value: bytes) -> bool:
    try:
        producer.send(RAW, 0, value)  # type: ignore[attr-defined]
        producer.flush(2.0)  # type: ignore[attr-defined]
    except DeliveryFailed:
        return False
    return True


def _read_until(consumer: object, last: str, records: list[Record]) -> list[Record]:
    def found() -> bool:
        try:
            records.extend(consumer.poll(256, 0.2))  # type: ignore[attr-defined]
        except BusUnavailable:
            return False
        return last in values(records)

    await_true(found, f"{last} is read")
    return records
