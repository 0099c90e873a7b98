"""What only the Redis log has to do itself: repetition, compaction, trimming, a full memory, a lost second."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from tests.integration.bus.support import RAW, await_true, ends, lose_end, read, redis_alone, send, values, with_topics
from vigil import topology
from vigil.bus import connect
from vigil.bus.port import Bus, BusError, BusUnavailable, DeliveryFailed, Producer, QueueFull, TopicPartition
from vigil.bus.redis.client import Connection, Names, script
from vigil.bus.redis.group import Membership
from vigil.bus.redis.scripts import APPEND
from vigil.settings import Settings

FIRST = TopicPartition(RAW, 0)


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return redis_alone(redis_url)


@pytest.fixture
def bus(settings: Settings) -> Bus:
    return with_topics(settings)


@pytest.fixture
def raw(redis_url: str) -> Iterator["redis.Redis[bytes]"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_a_batch_whose_answer_was_lost_is_not_doubled(bus: Bus, settings: Settings) -> None:
    names, connection = Names(settings.bus_prefix), Connection(settings)
    keys = [names.stream(FIRST), names.next(FIRST), names.batch(FIRST, "producer"), ""]
    for number, value in ((1, "a"), (1, "a"), (2, "b"), (2, "b"), (3, "c")):
        connection.call(*script(APPEND, keys, number, 60, "", value))
    connection.close()
    assert values(bus.read(FIRST, 0, 10)) == ["a", "b", "c"]


def test_a_living_member_cannot_commit_what_another_owns(bus: Bus, settings: Settings) -> None:
    names, connection = Names(settings.bus_prefix), Connection(settings)
    owner, other = (Membership(settings, names, connection, "g", {RAW: 4}) for _ in range(2))
    for member in (owner, other):
        member.join()
    assert owner.claim([FIRST]) == {FIRST}
    assert other.claim([FIRST]) == set()
    with pytest.raises(BusError, match="another owner"):
        other.commit({FIRST: 7})
    owner.commit({FIRST: 5})
    owner.commit({FIRST: 3})
    assert bus.committed("g", RAW)[0] == 5, "commits only go forward"
    owner.leave([FIRST])
    assert other.claim([FIRST]) == {FIRST}
    other.leave([FIRST])
    connection.close()


def test_a_compacted_topic_keeps_the_last_record_of_each_key(bus: Bus) -> None:
    producer = bus.producer()
    for number in range(30):
        producer.send(topology.REGISTRY_CHANGES, 0, b"%d" % number, key=b"k%d" % (number % 3))
    producer.flush(5)
    producer.close()
    where = TopicPartition(topology.REGISTRY_CHANGES, 0)
    assert [(r.offset, r.value) for r in bus.read(where, 0, 100)] == [(27, b"27"), (28, b"28"), (29, b"29")]
    reader = bus.consumer([topology.REGISTRY_CHANGES], None)
    assert values(read(reader, 3)) == ["27", "28", "29"]
    reader.close()


@pytest.mark.parametrize("limit", [{"redis_stream_max_records": 1000}, {"redis_stream_max_bytes": 200_000}])
def test_only_what_every_reader_has_committed_is_trimmed(settings: Settings, bus: Bus, limit: dict[str, int]) -> None:
    small = connect(replace(settings, **limit))  # type: ignore[arg-type]
    send(bus, [f"{number:0500}" for number in range(4000)], topology.ALERTS, partitions=1)
    where = TopicPartition(topology.ALERTS, 0)
    groups = [service.name for service in topology.SERVICES if topology.ALERTS in service.reads]
    assert len(groups) == 3
    for number, group in enumerate(groups):
        consumer = small.consumer([topology.ALERTS], group)
        records = read(consumer, 4000)
        last = number == len(groups) - 1
        consumer.commit({where: 500} if last else ends(records))
        assert bus.ranges(topology.ALERTS)[0].low <= 500, "records that a reader has not committed are gone"
        if last:
            assert bus.ranges(topology.ALERTS)[0].low > 0
            time.sleep(1.01)  # a partition is trimmed once a second at most
            consumer.commit(ends(records))
            low, high = bus.ranges(topology.ALERTS)[0][1:]
            assert 2500 < low <= 4000 - 200, "trimmed to the limit, and not much beyond"
            assert high == 4000
        consumer.close()


def test_dead_letters_are_never_trimmed(settings: Settings, bus: Bus) -> None:
    small = connect(replace(settings, redis_stream_max_records=1000))
    send(bus, [str(number) for number in range(3000)], topology.DEAD_LETTER, partitions=1)
    consumer = small.consumer([topology.DEAD_LETTER], "someone")
    consumer.commit(ends(read(consumer, 3000)))
    consumer.close()
    assert bus.ranges(topology.DEAD_LETTER)[0].low == 0


def test_a_full_memory_is_a_full_queue_and_heals(bus: Bus, raw: "redis.Redis[bytes]") -> None:
    producer = bus.producer()
    raw.config_set("maxmemory", "1mb")
    try:
        acks: list[object] = []
        producer.send(RAW, 0, b"refused", on_ack=acks.append)

        await_true(lambda: _refusal(producer), "the refusal is said before anything is accepted", 5)
        assert "memory" in _refusal(producer)
        with pytest.raises(DeliveryFailed, match="memory"):
            producer.flush(0.3)
        assert isinstance(acks[0], QueueFull)
    finally:
        raw.config_set("maxmemory", "0")
    producer.send(RAW, 0, b"taken")
    producer.flush(5)
    producer.close()
    assert values(bus.read(FIRST, 0, 10)) == ["taken"]


@pytest.mark.parametrize("written", [1, 8], ids=["less than was lost", "more than was lost"])
def test_a_log_that_lost_its_end_is_read_again_from_the_commits(
    settings: Settings, bus: Bus, raw: "redis.Redis[bytes]", written: int
) -> None:
    """As after a power cut: the last second is gone, and its offsets are given out again, some or all of them before
    a reader comes back."""
    send(bus, [str(number) for number in range(20)], partitions=1)
    consumer = bus.consumer([RAW], "g")
    consumer.commit(ends(read(consumer, 20)[:10]))
    assert consumer.sees_log()
    lose_end(raw, settings.bus_prefix, FIRST, 15)
    again = [f"again {number}" for number in range(written)]
    send(bus, again, partitions=1)
    for _ in range(2):  # the first one meets the broken connection; none may count what was read of the log before
        with pytest.raises(BusUnavailable):
            consumer.commit({FIRST: 20})
    assert not consumer.sees_log()
    assert values(read(consumer, 5 + written)) == ["10", "11", "12", "13", "14", *again]
    assert consumer.sees_log()
    consumer.close()


def _refusal(producer: Producer) -> str:
    try:
        producer.send(RAW, 0, b"refused too")
    except QueueFull as error:
        return str(error)
    return ""
