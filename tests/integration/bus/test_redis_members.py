"""What only the Redis log has to do itself for its groups: the server's answer is lost at the worst moment."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from tests.integration.bus.support import RAW, await_true
from tests.integration.runtime.support import Faulty
from vigil.bus import connect
from vigil.bus.port import Bus, BusUnavailable, TopicPartition
from vigil.bus.redis.consumer import RedisConsumer
from vigil.bus.redis.scripts import CLAIM
from vigil.settings import Settings

ALL = {TopicPartition(RAW, number) for number in range(4)}


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings.load({"REDIS_URL": redis_url, "BUS_PREFIX": f"t{uuid.uuid4().hex[:8]}.", "BUS_TIMEOUT_S": "2"})


@pytest.fixture
def bus(settings: Settings) -> Bus:
    log = connect(settings)
    log.ensure_topics(4)
    return log


def member(bus: Bus) -> RedisConsumer:
    consumer = bus.consumer([RAW], "g")
    assert isinstance(consumer, RedisConsumer)
    return consumer


@pytest.mark.parametrize("lost", ["claim", "commits"])
def test_what_was_claimed_in_vain_is_given_back(bus: Bus, lost: str) -> None:
    """The claim was heard, but not its answer, or not where reading starts: nobody else may wait for it for ever."""
    first, second = member(bus), member(bus)
    failures = [BusUnavailable("injected")]

    def calls(commands: Sequence[Sequence[Any]]) -> list[Any]:
        answers = list(connection.calls(commands))
        if failures and (commands[0][1] == CLAIM if lost == "claim" else commands[0][0] == "HGET"):
            raise failures.pop()
        return answers

    connection: Any = first._connection
    faulty: Any = Faulty(connection, calls=calls, call=lambda *command: calls([command])[0])
    first._connection = faulty
    assert first._member is not None
    first._member._connection = faulty
    assert first.poll(1, 0.0) == []
    assert not failures, "claimed, in vain"
    second.poll(1, 0.0)  # joins before the first one looks again

    def shared() -> bool:
        first.poll(1, 0.0), second.poll(1, 0.0)
        mine, others = set(first.assignment()), set(second.assignment())
        return mine | others == ALL and not mine & others

    await_true(shared, "every partition has its reader", 10)
    first.close()
    second.close()
