"""A part that is away is told once, and once that it is back; one that flaps is down."""

import pytest

from services.rules_engine.component import LOST_AFTER_S, REPEAT_S, ComponentWatch
from tests.unit.services.rules_engine.test_breaker import Clock
from vigil.bus.port import AckCallback, BusUnavailable
from vigil.controls import ControlRecord
from vigil.pb import events_pb2 as pb
from vigil.runtime.health import Health

DOWN, UP = pb.CONTROL_ACTION_COMPONENT_DOWN, pb.CONTROL_ACTION_COMPONENT_UP


class Watched:
    """A watch with what it said; time passes in quarters of a second."""

    def __init__(self, start_s: float = 0.0) -> None:
        self.clock, self.said, self.away, self.health = Clock(), [], False, Health("test")
        self.unanswered: list[AckCallback] | None = None  # what the log never says anything about
        self.watch = ComponentWatch(
            "anomaly-service", "r1", self._append, 4, self.health, 3.0, 5.0, start_s, now=self.clock
        )

    said: list[pb.Control]

    def _append(self, record: ControlRecord, on_ack: AckCallback) -> None:
        if self.away:
            on_ack(BusUnavailable("the log is away"))
            return
        if self.unanswered is not None:
            self.unanswered.append(on_ack)
            return
        self.said += pb.TelemetryBatch.FromString(record.value).controls
        on_ack(None)

    def is_(self, well: bool | None, seconds: float) -> None:
        for _ in range(round(seconds * 4)):
            self.watch.look(well, "UNAVAILABLE")
            self.clock.at += 0.25

    def actions(self) -> list[int]:
        return [control.action for control in self.said]


@pytest.fixture
def watched() -> Watched:
    """One that was well for long, and has said so."""
    made = Watched()
    made.is_(True, 10)
    assert made.actions() == [UP]
    return made


def test_an_outage_is_told_once_and_repeated_while_it_lasts(watched: Watched) -> None:
    watched.is_(False, 2.75)
    assert watched.actions() == [UP], "a short one is none"
    watched.is_(False, 2 * REPEAT_S + 2)
    assert watched.actions() == [UP, DOWN, DOWN, DOWN]
    last = watched.said[-1]
    assert (last.component, last.reporter, last.reason) == ("anomaly-service", "r1", "UNAVAILABLE")
    assert len({control.event_id for control in watched.said}) == 4
    assert "anomaly-service" in watched.health.degraded()
    watched.is_(True, 4.75)
    assert watched.actions()[-1] == DOWN, "not before it held"
    watched.is_(True, 100)
    assert watched.actions() == [UP, DOWN, DOWN, DOWN, UP]
    assert watched.health.degraded() == {}


def test_a_part_that_flaps_is_down_once(watched: Watched) -> None:
    for _ in range(20):
        watched.is_(True, 1)
        watched.is_(False, 1)
    assert watched.actions() == [UP, DOWN]
    watched.is_(True, 6)
    assert watched.actions() == [UP, DOWN, UP]


def test_what_the_log_did_not_take_is_said_again(watched: Watched) -> None:
    watched.away = True
    watched.is_(False, 10)
    watched.away = False
    watched.is_(False, 1)
    assert watched.actions() == [UP, DOWN]


def test_before_it_was_ever_well_it_has_time_to_start() -> None:
    starting = Watched(start_s=30)
    starting.is_(None, 100)
    starting.is_(False, 29)
    assert starting.actions() == []
    starting.is_(False, 2)
    assert starting.actions() == [DOWN]


def test_what_the_log_never_answers_is_said_again(watched: Watched) -> None:
    """A producer that is replaced may take its answers with it: an outage must not stay untold for that."""
    watched.unanswered = unanswered = []
    watched.is_(False, 3 + LOST_AFTER_S / 2)
    assert len(unanswered) == 1
    watched.unanswered = None
    watched.is_(False, LOST_AFTER_S / 2 + 1)
    assert watched.actions() == [UP, DOWN]
    unanswered[0](BusUnavailable("at last"))
    watched.is_(True, 6)
    unanswered[0](None)
    watched.is_(True, 6)
    assert watched.actions() == [UP, DOWN, UP], "an answer that comes late is about something that is over"
