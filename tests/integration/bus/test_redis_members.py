"""What only the Redis log has to do itself for its groups: the server's answer is lost at the worst moment."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import redis

from tests.integration.bus.support import RAW, await_true, redis_alone, with_topics
from tests.integration.runtime.support import Faulty
from vigil.bus.port import Bus, BusUnavailable, TopicPartition
from vigil.bus.redis.client import Connection, Names
from vigil.bus.redis.consumer import RedisConsumer
from vigil.bus.redis.group import Membership
from vigil.bus.redis.scripts import CLAIM
from vigil.settings import Settings

ALL = {TopicPartition(RAW, number) for number in range(4)}


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return redis_alone(redis_url)


@pytest.fixture
def bus(settings: Settings) -> Bus:
    return with_topics(settings)


@pytest.fixture
def membership(settings: Settings) -> Iterator[Membership]:
    one = Membership(settings, Names(settings.bus_prefix), Connection(settings), "g", {RAW: 4})
    yield one
    one.leave([])


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


def test_a_lease_is_renewed_although_the_answer_to_joining_was_lost(settings: Settings, redis_url: str) -> None:
    settings = replace(settings, bus_session_timeout_s=0.5)
    names, connection = Names(settings.bus_prefix), Connection(settings)

    def lose(*command: Any) -> Any:
        connection.call(*command)
        raise BusUnavailable("injected")

    faulty: Any = Faulty(connection, call=lose)
    joining = Membership(settings, names, faulty, "g", {RAW: 4})
    with pytest.raises(BusUnavailable):
        joining.join()
    with redis.Redis.from_url(redis_url) as raw:
        ((_, lease),) = raw.zrange(names.group("g", "members"), 0, -1, withscores=True)
        await_true(lambda: raw.zrange(names.group("g", "members"), 0, -1, withscores=True)[0][1] > lease, "renewed", 10)
    assert joining.joined
    joining._connection = connection
    joining.leave([])


def test_who_joins_anew_is_not_told_that_its_former_lease_ran_out(settings: Settings, membership: Membership) -> None:
    """As when a process was stopped for long: the thread that renews and the one that polls wake together."""
    membership.join()
    connection, behind = membership._connection, Connection(settings)
    waking = threading.Thread(target=lambda: membership._keep(behind))

    def call(*command: Any) -> Any:
        if not waking.ident:
            waking.start()
            waking.join(0.3)  # has its turn before the new name is known to the server, if it may
        return connection.call(*command)

    faulty: Any = Faulty(connection, call=call)
    membership._connection = faulty
    membership.join()
    waking.join()
    assert membership.joined
    assert membership.share() is not None
