"""What both logs must do, third part: a partition that goes away and comes back while its reader waits in one poll."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TopicPartition as Place

from tests.integration.bus.support import RAW, Member, await_true, read, send, values
from tests.integration.runtime.support import Faulty
from vigil.bus.kafka.consumer import KafkaConsumer
from vigil.bus.port import Bus, Record, TopicPartition


def test_what_comes_of_a_partition_regained_in_the_same_poll_is_handed_out(
    bus: Bus, member: Callable[..., Member]
) -> None:
    first = member()
    await_true(lambda: (first.poll(), len(first.consumer.assignment()) == 4)[1], "the only member has everything")
    records: list[Record] = []
    waiting = threading.Thread(target=lambda: records.extend(first.consumer.poll(64, 60.0)))
    waiting.start()  # nothing comes: all of what follows happens within this one poll
    second = member()
    await_true(lambda: (second.poll(), len(second.consumer.assignment()) == 2)[1], "two are given to a newcomer")
    came = second.consumer.assignment()
    second.consumer.close()
    await_true(lambda: len(first.consumer.assignment()) == 4, "and given back")
    producer = bus.producer()
    for position in came:
        producer.send(RAW, position.partition, f"to {position.partition}".encode())
    producer.flush(10)
    producer.close()
    await_true(lambda: not waiting.is_alive(), "the poll ends with what came")
    records += read(first.consumer, 2 - len(records))
    assert sorted(values(records)) == sorted(f"to {position.partition}" for position in came)


@pytest.mark.parametrize("bus_environment", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
def test_a_partition_that_went_and_came_back_among_other_records_is_read_from_where_it_was_given(bus: Bus) -> None:
    """Of the records of such a poll nobody can tell which came before: all are left, and read again. (On Redis nothing
    is read while partitions come and go.)"""
    consumer = bus.consumer([RAW], "g")
    assert isinstance(consumer, KafkaConsumer)
    await_true(lambda: (consumer.poll(1, 0.05), len(consumer.assignment()) == 4)[1], "everything assigned")
    send(bus, [str(number) for number in range(10)], partitions=1)
    library: Any = consumer._library
    places = [Place(f"{consumer._prefix}{RAW}", 0)]
    rebalances = [lambda: (consumer._on_revoke(library, places), consumer._on_assign(library, places))]

    def consume(most: int, timeout_s: float) -> list[Any]:
        if rebalances:
            rebalances.pop()()
            return list(library.consume(5, 10.0))
        return list(library.consume(most, timeout_s))

    consumer._library = Faulty(library, consume=consume)  # type: ignore[assignment]
    records = [r for r in read(consumer, 10) if r.offset > 0]
    assert [r.offset for r in records] == list(range(1, 10))
    assert consumer.assignment() == [TopicPartition(RAW, partition) for partition in range(4)]
    consumer.close()
