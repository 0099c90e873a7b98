"""On which steps of an episode people are told, whom, and in which words."""

import uuid
from typing import Any

import pytest

from services.notification_service.intake import Asked, bypasses, worth_telling
from services.notification_service.roles import recipients
from services.notification_service.text import alarm_text
from tests.unit.services.notification_service.alerts import T0, alert
from vigil.pb import events_pb2 as pb

EPISODE = uuid.UUID(int=3).bytes


def step(number: int, cause: str, *, at_s: float = 0.0, priority: str = "HIGH", **more: Any) -> pb.AlertEvent:
    phase = {"CONDITION": "START", "RESUMED": "START", "SUPPRESSED": "SUPPRESSED", "END": "END"}.get(cause, "UPDATE")
    made = alert(phase, priority, episode=EPISODE, step=number, at_s=at_s, **more)
    made.cause = pb.AlertCause.Value(f"ALERT_CAUSE_{'CONDITION' if cause == 'END' else cause}")
    made.header.ingest_time_us = T0 + round(at_s * 1e6)
    return made


def asked(*alerts: pb.AlertEvent) -> list[Asked]:
    return list(worth_telling(alerts, {}))


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("CONDITION", "alarm"),
        ("RESUMED", "alarm"),
        ("WORSE", "escalation"),
        ("RE_ALARM", "re_alarm"),
        ("RETURNED", "returned"),
        ("ESCALATED", "unacknowledged"),
        ("END", "resolved"),
    ],
)
def test_people_are_told(cause: str, kind: str):
    assert [a.kind for a in asked(step(0, "CONDITION"), step(1, cause))][1:] == [kind]


@pytest.mark.parametrize("cause", ["BETTER", "STALE", "FRESH", "ACKNOWLEDGED", "PAUSED", "LATCHED", "SUPPRESSED"])
def test_people_are_not_told(cause: str):
    assert asked(step(1, cause)) == []


def test_a_worse_priority_is_told_however_often_it_comes():
    steps = [step(0, "CONDITION", priority="MEDIUM"), step(1, "WORSE"), step(2, "BETTER"), step(3, "WORSE")]
    assert [a.kind for a in asked(*steps)] == ["alarm", "escalation", "escalation"]


def test_without_a_cause_an_update_is_told_when_it_is_more_urgent_than_before():
    def update(number: int, priority: str) -> pb.AlertEvent:
        return alert("UPDATE", priority, episode=EPISODE, step=number)

    assert [a.kind for a in asked(update(1, "MEDIUM"), update(2, "MEDIUM"), update(3, "HIGH"))] == [
        "alarm",
        "escalation",
    ]


def test_the_ladder_names_who_is_told_and_the_end_goes_to_all_of_them():
    steps = [
        step(0, "CONDITION", escalation_level=1, escalate_to="nurse"),
        step(1, "ESCALATED", at_s=120, escalation_level=2, escalate_to="charge-nurse"),
        step(2, "RE_ALARM", at_s=400),
        step(3, "END", at_s=500),
    ]
    assert [a.roles for a in asked(*steps)] == [
        ("nurse",),
        ("charge-nurse",),
        ("nurse", "charge-nurse"),
        ("nurse", "charge-nurse"),
    ]
    assert asked(step(0, "CONDITION"))[0].roles == ("",)


def test_a_role_that_is_not_named_has_the_default_recipients():
    named = {"physician": "doc@a, duty@a", "charge-nurse": "charge@a"}
    assert recipients(["physician"], named, "ward@a") == ["doc@a", "duty@a"]
    assert recipients(["nurse"], named, "ward@a,x@a") == ["ward@a", "x@a"]
    assert recipients(["nurse", "charge-nurse", ""], named, "ward@a") == ["ward@a", "charge@a"]
    assert recipients([], named, "ward@a") == ["ward@a"]


def test_how_long_nobody_acknowledged_is_counted_from_when_it_last_sounded():
    start, second = step(0, "CONDITION"), step(1, "ESCALATED", at_s=120.6, escalation_level=2, escalate_to="charge")
    again, third = step(2, "RE_ALARM", at_s=600), step(3, "ESCALATED", at_s=720, escalation_level=2)
    waits = [a.unanswered_s for a in asked(start, second, again, third)]
    assert waits == [None, 120.6, None, 120.0]
    text = alarm_text(second, "unacknowledged", 120.6)
    assert text.title.startswith("Not acknowledged for 2 min: HIGH: heart rate 182 /min above limit 150 /min")
    assert "Not acknowledged for 2 min: level 2, charge." in text.body
    assert alarm_text(second, "unacknowledged").title.startswith("Not acknowledged: HIGH: ")


def test_the_other_occasions_say_what_they_are():
    assert alarm_text(step(1, "RE_ALARM"), "re_alarm").title.startswith("Sounding again: HIGH: heart rate 182 /min")
    assert "The condition had cleared and is there again." in alarm_text(step(1, "RETURNED"), "returned").body
    assert "It was suppressed until now." in alarm_text(step(1, "RESUMED"), "alarm").body
    assert "The rule set no longer has its rule." in alarm_text(step(1, "RULE_WITHDRAWN"), "resolved").body


def test_high_never_asks_the_limiter():
    assert bypasses(step(0, "CONDITION"))
    assert not bypasses(step(0, "CONDITION", priority="MEDIUM"))
