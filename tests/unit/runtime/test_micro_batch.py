"""Micro-batches over a fake producer at the port: joined while unacknowledged, answered only once acknowledged."""

import asyncio
from collections.abc import Callable

import pytest

from vigil import topology
from vigil.bus.port import AckCallback, BusError, DeliveryFailed, QueueFull
from vigil.runtime.micro_batch import Batcher, LogUnavailable


class FakeProducer:
    """Keeps what is sent until the test acknowledges it."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes, AckCallback]] = []
        self.full = False

    def send(
        self, topic: str, partition: int, value: bytes, *, key: bytes | None = None, on_ack: AckCallback | None = None
    ) -> None:
        assert topic == topology.RAW
        if self.full:
            raise QueueFull
        assert on_ack is not None
        self.sent.append((partition, value, on_ack))

    def flush(self, timeout_s: float) -> None: ...

    def close(self) -> None: ...

    def ack(self, index: int, error: BusError | None = None) -> None:
        self.sent[index][2](error)


def batcher(producer: FakeProducer, observations_max: int = 100, linger_ms: float = 10_000) -> Batcher:
    return Batcher(producer, 2, observations_max, linger_ms, 1000)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_an_idle_partition_sends_at_once_and_answers_on_acknowledgement() -> None:
    producer = FakeProducer()
    task = asyncio.create_task(batcher(producer).submit([(0, 1, b"a")], 5))
    await until(lambda: len(producer.sent) == 1)
    assert not task.done()
    producer.ack(0)
    await task


async def test_what_arrives_meanwhile_is_joined_in_order() -> None:
    producer = FakeProducer()
    b = batcher(producer)
    tasks = [asyncio.create_task(b.submit([(0, 1, part)], 5)) for part in (b"a", b"b", b"c")]
    await until(lambda: b.waiting_bytes == 3)
    assert [value for _, value, _ in producer.sent] == [b"a"]
    producer.ack(0)
    await until(lambda: len(producer.sent) == 2)
    assert producer.sent[1][1] == b"bc"
    producer.ack(1)
    await asyncio.gather(*tasks)
    assert b.waiting_bytes == 0


async def test_a_large_batch_does_not_wait() -> None:
    producer = FakeProducer()
    b = batcher(producer, observations_max=2)
    tasks = [asyncio.create_task(b.submit([(0, 1, part)], 5)) for part in (b"a", b"b", b"c")]
    await until(lambda: len(producer.sent) == 2)
    assert producer.sent[1][1] == b"bc"
    producer.ack(0)
    producer.ack(1)
    await asyncio.gather(*tasks)


async def test_the_linger_bounds_the_wait() -> None:
    producer = FakeProducer()
    b = batcher(producer, linger_ms=1)
    tasks = [asyncio.create_task(b.submit([(0, 1, part)], 5)) for part in (b"a", b"b")]
    await until(lambda: len(producer.sent) == 2)
    producer.ack(0)
    producer.ack(1)
    await asyncio.gather(*tasks)


async def test_a_request_over_two_partitions_needs_both() -> None:
    producer = FakeProducer()
    task = asyncio.create_task(batcher(producer).submit([(0, 1, b"a"), (1, 1, b"b")], 5))
    await until(lambda: len(producer.sent) == 2)
    producer.ack(1)
    await asyncio.sleep(0)
    assert not task.done()
    producer.ack(0)
    await task


@pytest.mark.parametrize("how", ["refused", "full", "silent"])
async def test_without_acknowledgement_nothing_is_accepted(how: str) -> None:
    producer = FakeProducer()
    b = batcher(producer)
    producer.full = how == "full"
    task = asyncio.create_task(b.submit([(0, 1, b"a")], 0.01 if how == "silent" else 5))
    if how == "refused":
        await until(lambda: len(producer.sent) == 1)
        producer.ack(0, DeliveryFailed("broker gone"))
    with pytest.raises(LogUnavailable):
        await task
    assert b.waiting_bytes == (1 if how == "silent" else 0)


async def test_too_much_unacknowledged_is_full() -> None:
    b = batcher(FakeProducer())
    task = asyncio.create_task(b.submit([(0, 1, b"x" * 1000)], 5))
    await until(b.full)
    task.cancel()


async def test_settled_waits_for_the_last_acknowledgement() -> None:
    producer = FakeProducer()
    b = batcher(producer)
    task = asyncio.create_task(b.submit([(0, 1, b"a")], 5))
    await until(lambda: len(producer.sent) == 1)
    assert not await b.settled(0.01)
    producer.ack(0)
    assert await b.settled(5)
    await task


async def test_large_parts_do_not_become_a_record_that_the_log_refuses() -> None:
    producer = FakeProducer()
    b = batcher(producer)
    part = b"x" * 700_000
    tasks = [asyncio.create_task(b.submit([(0, 1, part)], 5)) for _ in range(4)]
    await until(lambda: b.waiting_bytes == 4 * len(part))
    b.flush()
    assert [value for _, value, _ in producer.sent] == [part] * 4
    for index in range(4):
        producer.ack(index)
    await asyncio.gather(*tasks)
