"""Alarms put together from their events: cases made by hand."""

import uuid

from tests.support.alerts import END, START, T0_US, UPDATE, alert
from vigil.backtest.alarms import Alarm, Collector
from vigil.pb import events_pb2 as pb

MINUTE = 60_000_000
EPISODE = uuid.UUID(int=7)


def collected(*events: pb.AlertEvent) -> Alarm:
    collector = Collector()
    for event in events:
        collector.add(event)
    (alarm,) = collector.alarms()
    return alarm


def test_an_alarm_of_a_score_or_of_the_model_is_told_apart() -> None:
    assert not collected(alert(EPISODE, 0, START)).score
    model, score = alert(EPISODE, 0, START), alert(EPISODE, 0, START)
    model.condition.evidence[0].sign, model.condition.evidence[0].about = pb.SIGN_UNSPECIFIED, "risk"
    score.condition.early_warning.name = "news2"
    assert collected(model).score
    assert collected(score).score


def latched(step: int) -> pb.AlertEvent:
    event = alert(EPISODE, step, UPDATE, cause=pb.ALERT_CAUSE_LATCHED)
    event.condition.end_time_us = event.header.event_time_us - 1
    return event


def test_an_alarm_ends_with_its_condition() -> None:
    assert collected(alert(EPISODE, 0, START)).end_us is None
    assert collected(alert(EPISODE, 0, START), alert(EPISODE, 1, END)).end_us == T0_US + MINUTE


def test_a_latched_one_has_ended_until_it_returns() -> None:
    first = (alert(EPISODE, 0, START), latched(1))
    assert collected(*first).end_us == T0_US + MINUTE - 1
    returned = alert(EPISODE, 2, UPDATE, cause=pb.ALERT_CAUSE_RETURNED)
    assert collected(*first, returned).end_us is None
    assert collected(*first, returned, latched(3)).end_us == T0_US + 3 * MINUTE - 1
