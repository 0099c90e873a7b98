"""Rules engines that are stopped for longer than their session, and one killed, while observations keep coming.

A process that sleeps (a paused machine, a swapping one) does not know that its partitions went away: it finds out in
the middle of its work, and may be given the same ones at once. Whatever becomes of it, what is in the log afterwards
is what one engine makes of the input that nothing ever interrupted: none missing, none other.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from services.rules_engine.service import NAME
from tests.integration.bus.support import Child, await_true
from tests.integration.runtime.support import written
from tests.support.uninterrupted import NONE, came, uninterrupted
from tests.unit.core.engine import enriched
from tests.unit.core.events import batch
from vigil import topology
from vigil.bus.port import Bus

pytestmark = pytest.mark.slow
SESSION_S = 1.0
STALL_S = 1.5 * SESSION_S
CODE = "import runpy; runpy.run_module('tests.chaos.engine', run_name='__main__')"


class Engines:
    """Rules engines over one log, and what is done to them."""

    def __init__(self, bus: Bus, environment: dict[str, str]) -> None:
        self._bus = bus
        # A poll that lasts: a partition comes back within the one that it went away in.
        short = {"BUS_SESSION_TIMEOUT_S": str(SESSION_S), "POLL_TIMEOUT_MS": "2000", "POLL_RECORDS_MAX": "16"}
        often = {"COMMIT_INTERVAL_MS": "20", "CHECKPOINT_INTERVAL_MS": "100"}
        self._environment = {**environment, **short, **often}
        self.members: list[Child] = []

    def start(self, members: int) -> None:
        self.members += [Child(CODE, self._environment) for _ in range(members)]
        for member in self.members:
            assert member.line().startswith("owns")
        self.caught_up()

    def caught_up(self) -> None:
        """Waits until all that is in the log now is committed."""
        ends = {held.position.partition: held.high for held in self._bus.ranges(topology.ENRICHED)}
        assert sum(ends.values()), "nothing was sent"

        def reached() -> bool:
            at = self._bus.committed(NAME, topology.ENRICHED)
            return all((at[partition] or 0) >= end for partition, end in ends.items())

        await_true(reached, "what was sent is evaluated and committed")

    def stall(self, at: int) -> None:
        """One is stopped until its session is over, then goes on."""
        os.kill(self.members[at].process.pid, signal.SIGSTOP)
        time.sleep(STALL_S)  # the fault itself
        os.kill(self.members[at].process.pid, signal.SIGCONT)
        self.caught_up()

    def replace(self, at: int) -> None:
        """kill -9, and another one instead."""
        self.members[at].kill()
        self.members[at] = Child(CODE, self._environment)
        assert self.members[at].line().startswith("owns")
        self.caught_up()


@pytest.fixture
def engines(bus: Bus, bus_environment: dict[str, str]) -> Iterator[Engines]:
    made = Engines(bus, bus_environment)
    yield made
    for member in made.members:
        member.kill()


@pytest.fixture
def feed(bus: Bus) -> Iterator[Callable[[], None]]:
    """Observations of twelve patients, four at a time, until it is called."""
    stop = threading.Event()

    def send() -> None:
        producer = bus.producer()
        for number in count():
            partition, round_ = number % 4, number // 4
            who = f"{partition}-{round_ % 3}"
            value = 0 if round_ % 7 in (2, 3, 5) else 70  # every patient's heart stands still, now and then
            made = enriched(number, number * 10.0, [("heart_rate", value, 0)], patient=f"p{who}", device=f"d{who}")
            producer.send(topology.ENRICHED, partition, batch([made]))
            if partition == 3:
                producer.flush(10)
                if stop.wait(0.02):
                    break
        producer.close()

    def end() -> None:
        stop.set()
        running.join(20)
        assert not running.is_alive()

    running = threading.Thread(target=send)
    running.start()
    await_true(lambda: sum(held.high for held in bus.ranges(topology.ENRICHED)), "observations come")
    yield end
    end()


def assert_as_uninterrupted(bus: Bus, engines: Engines) -> None:
    engines.caught_up()
    await_true(lambda: bus.lag(NAME, topology.ENRICHED) == 0, "no lag is left")
    wanted, found = uninterrupted(bus), came(bus)
    assert min(map(len, wanted)) > 50, "alarms come and go"
    assert wanted.without(found) == NONE, "missing"
    assert found.without(wanted) == NONE, "extra"
    assert not written(bus, topology.DEAD_LETTER)


def test_one_engine_that_sleeps_through_its_session_skips_nothing(
    bus: Bus, engines: Engines, feed: Callable[[], None]
) -> None:
    engines.start(1)
    for _ in range(3):
        engines.stall(0)
    feed()
    assert_as_uninterrupted(bus, engines)


def test_two_engines_that_sleep_and_die_in_turn_skip_nothing(
    bus: Bus, engines: Engines, feed: Callable[[], None]
) -> None:
    engines.start(2)
    engines.stall(0)
    engines.stall(1)
    engines.replace(0)
    engines.stall(1)
    engines.stall(0)
    feed()
    assert_as_uninterrupted(bus, engines)
