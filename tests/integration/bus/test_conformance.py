"""What both logs must do. One suite, run on Redis Streams and on Kafka."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.integration.bus.support import RAW, Member, await_true, in_order, read, send, values
from vigil import topology
from vigil.bus import connect
from vigil.bus.port import Bus, BusError, Callbacks, Consumer, QueueFull, TopicPartition
from vigil.settings import Settings

ALL = [TopicPartition(RAW, number) for number in range(4)]


# Topics ---------------------------------------------------------------------------------------------


def test_topics_are_made_once_and_another_count_is_refused(bus: Bus) -> None:
    bus.ensure_topics(4)
    assert [len(bus.ranges(topic.name)) for topic in topology.TOPICS] == [4] * len(topology.TOPICS)
    with pytest.raises(BusError, match="partition count") as refused:
        bus.ensure_topics(8)
    assert refused.value.error_code == "partition_mismatch"
    assert not refused.value.retriable


def test_a_topic_has_an_identity_that_stays(bus: Bus) -> None:
    identities = {topic: bus.identity(topic) for topic in (topology.RAW, topology.ENRICHED)}
    assert all(identities.values())
    assert len(set(identities.values())) == 2
    bus.ensure_topics(4)
    assert identities[topology.RAW] == bus.identity(topology.RAW)


def test_an_unknown_topic_or_partition_is_refused(bus: Bus) -> None:
    producer = bus.producer()
    for topic, partition in ((RAW, 4), ("no.such.topic", 0)):
        with pytest.raises(BusError):  # noqa: PT012
            producer.send(topic, partition, b"nobody would read this")
            producer.flush(0.5)
    producer.close()


# Order, batches, offsets ----------------------------------------------------------------------------


def test_order_per_partition_and_whole_records(bus: Bus, member: Callable[..., Member]) -> None:
    producer = bus.producer()
    sent: dict[int, list[tuple[bytes | None, bytes]]] = {number: [] for number in range(4)}
    for number in range(2000):
        key = None if number % 3 else b"k%d" % number
        record = (key, b"\x00\xff%d" % number)
        sent[number % 4].append(record)
        producer.send(RAW, number % 4, record[1], key=record[0])
    producer.flush(30)
    producer.close()
    began_ms = time.time() * 1000
    records = read(member().consumer, 2000)
    assert in_order(records)
    got = {number: [(r.key, r.value) for r in records if r.partition == number] for number in range(4)}
    assert got == sent
    assert all(abs(record.timestamp_ms - began_ms) < 60_000 for record in records)


def test_one_poll_brings_a_batch_and_no_more_than_asked(bus: Bus, member: Callable[..., Member]) -> None:
    send(bus, [str(number) for number in range(400)])
    consumer = member().consumer
    sizes = []
    left = 400
    while left:
        got = consumer.poll(64, 1.0)
        sizes.append(len(got))
        left -= len(got)
    assert max(sizes) <= 64
    assert len([size for size in sizes if size]) < 40, "records trickle in one by one"


def test_a_lone_record_does_not_wait_for_a_batch(bus: Bus, member: Callable[..., Member]) -> None:
    consumer = member().consumer
    send(bus, ["first"])
    read(consumer, 1)
    producer = bus.producer()
    producer.send(RAW, 0, b"warm")
    producer.flush(10)
    read(consumer, 1)
    waits = []
    for _ in range(5):
        producer.send(RAW, 0, b"alone")
        producer.flush(10)
        began = time.monotonic()
        assert read(consumer, 1, batch=256)
        waits.append(time.monotonic() - began)
    producer.close()
    assert min(waits) < 0.05


def test_an_empty_poll_ends_in_time(bus: Bus, member: Callable[..., Member]) -> None:
    one = member()
    await_true(lambda: one.poll() or one.assigned, "partitions assigned")
    began = time.monotonic()
    assert one.consumer.poll(10, 0.2) == []
    assert 0.1 < time.monotonic() - began < 1.5


def test_a_big_record_passes(bus: Bus, member: Callable[..., Member]) -> None:
    producer = bus.producer()
    big = bytes(range(256)) * 8000
    producer.send(RAW, 2, big)
    producer.flush(30)
    producer.close()
    assert read(member().consumer, 1)[0].value == big


def test_acknowledgement_callbacks_come_in_order(bus: Bus) -> None:
    producer, acks = bus.producer(), []
    for number in range(50):
        producer.send(RAW, 1, b"%d" % number, on_ack=lambda error, number=number: acks.append((number, error)))
    await_true(lambda: len(acks) == 50, "acknowledged without a flush")
    assert acks == [(number, None) for number in range(50)]
    assert [held.high for held in bus.ranges(RAW)] == [0, 50, 0, 0]
    producer.close()


# Commit and seek ------------------------------------------------------------------------------------


def test_commit_lag_and_where_the_next_member_starts(bus: Bus, member: Callable[..., Member]) -> None:
    send(bus, [str(number) for number in range(40)])
    assert bus.committed("g", RAW) == {0: None, 1: None, 2: None, 3: None}
    assert bus.lag("g", RAW) == 40
    first = member()
    records = read(first.consumer, 40)
    first.consumer.commit({TopicPartition(RAW, 0): 10, TopicPartition(RAW, 1): 4})
    assert bus.committed("g", RAW) == {0: 10, 1: 4, 2: None, 3: None}
    assert bus.lag("g", RAW) == 26
    first.consumer.close()
    second = member()
    again = read(second.consumer, 26)
    assert set(values(again)) == {r.value.decode() for r in records if (r.partition, r.offset) >= (1, 4)}
    assert second.poll() == []


def test_seek_back_forward_and_while_being_assigned(bus: Bus, member: Callable[..., Member]) -> None:
    send(bus, [str(number) for number in range(40)])
    consumer: Consumer
    callbacks = Callbacks(on_assign=lambda positions: [consumer.seek(p, 7) for p in positions])  # type: ignore[arg-type,return-value]
    consumer = bus.consumer([RAW], "s", callbacks)
    first = read(consumer, 12)
    assert sorted((r.partition, r.offset) for r in first) == [(p, o) for p in range(4) for o in (7, 8, 9)]
    consumer.seek(ALL[2], 3)
    assert [r.offset for r in read(consumer, 7)] == [3, 4, 5, 6, 7, 8, 9]
    consumer.seek(ALL[1], 9)
    assert [(r.partition, r.offset) for r in read(consumer, 1)] == [(1, 9)]
    consumer.close()


def test_a_reader_without_group_sees_every_partition(bus: Bus) -> None:
    send(bus, [str(number) for number in range(20)])
    whole = bus.consumer([RAW], None)
    from_now = bus.consumer([RAW], None, from_beginning=False)
    send(bus, ["a", "b", "c", "d"])
    assert sorted(values(read(from_now, 4))) == ["a", "b", "c", "d"]
    assert len(read(whole, 24)) == 24
    with pytest.raises(BusError):
        whole.commit({ALL[0]: 1})
    whole.close()
    from_now.close()


def test_ranges_and_reading_outside_any_group(bus: Bus) -> None:
    assert [(part.low, part.high) for part in bus.ranges(RAW)] == [(0, 0)] * 4
    assert list(bus.read(ALL[0], 0, 10)) == []
    send(bus, [str(number) for number in range(2000)])
    assert [(part.low, part.high) for part in bus.ranges(RAW)] == [(0, 500)] * 4
    assert [r.offset for r in bus.read(ALL[3], 10, 15)] == [10, 11, 12, 13, 14]
    assert values(bus.read(ALL[3], 0, 10_000)) == [str(number) for number in range(3, 2000, 4)]


# Queues ---------------------------------------------------------------------------------------------


def test_a_full_queue_is_said_at_once_and_drains(quick: Settings, bus: Bus) -> None:
    bus = connect(replace(quick, bus_queue_bytes_max=100_000))
    producer = bus.producer()
    refused = 0
    for number in range(2000):
        while True:
            began = time.monotonic()
            try:
                producer.send(RAW, number % 4, b"%06d" % number + b"x" * 1000)
                break
            except QueueFull:
                refused += 1
                assert time.monotonic() - began < 0.5
                producer.flush(10)
    producer.flush(10)
    producer.close()
    assert refused > 0
    assert sum(part.high for part in bus.ranges(RAW)) == 2000
    bus.close()


def test_nothing_listens_there(quick: Settings, free_port: Callable[[], int]) -> None:
    where = f"127.0.0.1:{free_port()}"
    absent = {"kafka_brokers": where} if quick.kafka_brokers else {"redis_url": f"redis://{where}/0"}
    bus = connect(replace(quick, **absent, bus_timeout_s=0.5))  # type: ignore[arg-type]
    for ask in (lambda: bus.ping(0.5), lambda: bus.ensure_topics(4), lambda: bus.lag("g", RAW)):
        with pytest.raises(BusError) as refused:
            ask()
        assert refused.value.error_code == "bus_unavailable"
