"""Redis loses its last second in a power cut while the rules engine has evaluated it: no checkpoint may hold what the
log does not, or whatever is written in its place is skipped."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from services.rules_engine.service import NAME, Evaluate
from services.rules_engine.state import EngineState
from tests.conftest import unique
from tests.integration.bus.support import await_true, lose_end
from tests.integration.runtime.support import Faulty
from tests.support.uninterrupted import NONE, came, uninterrupted
from tests.unit.core.engine import RULES, enriched
from tests.unit.core.events import batch
from vigil import core, topology
from vigil.bus import connect
from vigil.bus.port import Bus, Record, TopicPartition
from vigil.bus.redis.client import Names
from vigil.runtime.health import Health
from vigil.runtime.stage import Stage
from vigil.settings import Settings
from vigil.store.checkpoints import Checkpoints

P0 = TopicPartition(topology.ENRICHED, 0)
NEVER_MS = 3_600_000


class Power:
    """A rules engine whose log loses its last five records of twenty at a chosen moment; ten others take their place
    before it looks at the log again. The first checkpoint is due at that very moment."""

    def __init__(self, url: str, moment: str) -> None:
        self.moment, self.now_s, self.lost = moment, 1000.0, threading.Event()
        often = NEVER_MS if moment == "before it leaves" else 0
        env = {"REDIS_URL": url, "BUS_PREFIX": unique("t") + ".", "POLL_GATHER_MS": "0"}
        self.settings = replace(Settings.load(env), commit_interval_ms=often)
        self.bus: Bus = connect(self.settings)
        self.bus.ensure_topics(1)
        self.raw: redis.Redis[bytes] = redis.Redis.from_url(url)
        self.read = self.sent = 0
        self.stage: Stage | None = None

    def send(self, count: int) -> None:
        producer = self.bus.producer()
        for number in range(self.sent, self.sent + count):
            producer.send(*P0, batch([enriched(number, number * 10.0, [("heart_rate", number % 3 * 40, 0)])]))
        producer.flush(10)
        producer.close()
        self.sent += count

    def cut(self) -> None:
        self.now_s += 61.0
        self.raw.delete(Names(self.settings.bus_prefix).commits(P0))  # they came after the records
        lose_end(self.raw, self.settings.bus_prefix, P0, 15)
        self.lost.set()

    def start(self) -> Stage:
        engine, health = core.Engine(RULES), Health("test")
        store = Checkpoints(self.settings.redis(), self.settings.bus_prefix, 1.0)
        state = EngineState(engine, store, self.bus, 60_000, 4, NAME, health, lambda: self.now_s)
        log: Any = Faulty(self.bus, consumer=self.consumer, producer=self.producer)
        self.stage = Stage(NAME, log, [topology.ENRICHED], Evaluate(engine, state, None), self.settings, health)
        self.stage.start()
        return self.stage

    def consumer(self, *arguments: Any) -> Any:
        real = self.bus.consumer(*arguments)

        def poll(most: int, timeout_s: float) -> list[Record]:
            if self.lost.is_set():
                if self.sent == 20:
                    self.send(10)
                return real.poll(most, timeout_s)
            if self.read == 20 and self.moment != "while it writes":
                self.cut()
                if self.moment == "before it leaves" and self.stage:
                    self.stage._stop.set()
                    return []
                return real.poll(most, 0.0)  # meets the broken connection, and says that nothing came
            records = real.poll(most, timeout_s)
            self.read += len(records)
            return records

        return Faulty(real, poll=poll)

    def producer(self) -> Any:
        real = self.bus.producer()

        def flush(timeout_s: float) -> None:
            real.flush(timeout_s)
            if self.moment == "while it writes" and not self.lost.is_set():
                self.cut()

        return Faulty(real, flush=flush)

    def end(self) -> None:
        if self.stage:
            self.stage.stop(10)
            assert self.stage.crashed is None
        self.bus.close()
        self.raw.close()


@pytest.fixture
def power(redis_url: str) -> Iterator[Callable[[str], Power]]:
    made: list[Power] = []

    def make(moment: str) -> Power:
        made.append(Power(redis_url, moment))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.mark.parametrize("moment", ["while it waits", "while it writes", "before it leaves"])
def test_what_takes_the_place_of_what_the_log_lost_is_evaluated(power: Callable[[str], Power], moment: str) -> None:
    made = power(moment)
    made.send(20)
    stage = made.start()
    assert made.lost.wait(20)
    if moment == "before it leaves":
        stage.stop(20)
        made.start()
    await_true(lambda: made.sent == 30, "others took the place")
    await_true(lambda: uninterrupted(made.bus).without(came(made.bus)) == NONE, "all of the log is evaluated", 10)
    assert made.bus.ranges(topology.ENRICHED)[0].high == 25
