"""An alarm's explanation says which rule, which values and limits, what was held back, and why it fired when it did."""

import random
import uuid
from typing import Any

import pytest

from tests.support.alerts import HIGH, MEDIUM, T0_US, alert, caused
from vigil import events
from vigil.explain import episode_lines, explain_episode
from vigil.pb import events_pb2 as pb

EPISODE = uuid.UUID(int=11)


def explained(*alerts: pb.AlertEvent) -> dict[str, Any]:
    return explain_episode([events.alert(a) for a in alerts])


def story() -> list[pb.AlertEvent]:
    paused = caused(EPISODE, 0, "SUPPRESSED", actor="lee", reason="suctioning", until_us=T0_US + 50_000_000)
    start = caused(EPISODE, 1, "RESUMED", HIGH, rule_text="heart rate above 130 /min for 10 s")
    start.condition.signal_delay_us = 6_000
    ladder = {"escalation_level": 2, "escalate_to": "charge-nurse"}
    return [
        paused,
        start,
        caused(EPISODE, 2, "ESCALATED", HIGH, **ladder),
        caused(EPISODE, 3, "ACKNOWLEDGED", HIGH, actor="kim", reason="at the bedside"),
        caused(EPISODE, 4, "STALE", HIGH),
        caused(EPISODE, 5, "FRESH", HIGH),
        caused(EPISODE, 6, "RE_ALARM", HIGH),
        caused(EPISODE, 7, "BETTER", MEDIUM),
        caused(EPISODE, 8, "END", MEDIUM),
    ]


def test_the_whole_story_is_told() -> None:
    found = explained(*story())
    assert found["summary"].startswith("HIGH physiological alarm heart_rate_high of patient p-1: raised 2026-01-01")
    assert found["rule"] == {"id": "heart_rate_high", "version": "1", "text": "heart rate above 130 /min for 10 s"}
    assert found["why"] == ["heart rate 141 /min above limit 130 /min, observed 2026-01-01 00:01:00 UTC"]
    assert found["heldBack"] == [
        "The rule waits until the condition has held for 10 s, which it first was at 2025-12-31 23:59:50 UTC.",
        "lee paused it until 2026-01-01 00:00:50 UTC (suctioning).",
    ]
    assert found["whyNow"] == [
        "The suppression ended at 2026-01-01 00:01:00 UTC and the condition was still there, 10 s after it began.",
        "The alert was written 6 ms after its cause had reached the gateway.",
    ]
    texts = [entry["text"] for entry in found["timeline"]]
    assert texts[0] == "nobody was told: lee paused it until 2026-01-01 00:00:50 UTC (suctioning)."
    assert texts[2] == "nobody had acknowledged it: told charge-nurse (level 2)"
    assert texts[3] == "acknowledged by kim (at the bedside): the signal stops, the condition stays"
    assert texts[4] == "the signal went missing; the alarm holds"
    assert texts[6].startswith("sounds again, the condition is still there: heart rate 146 /min")
    assert texts[7].startswith("less urgent, MEDIUM now: ")
    assert texts[8].startswith("over: the condition has cleared")


def test_order_and_repetition_do_not_matter() -> None:
    alerts = story() * 2
    random.Random(1).shuffle(alerts)
    assert explained(*alerts) == explained(*story())


def test_why_it_fired_later_than_its_delay() -> None:
    start = caused(EPISODE, 0, "CONDITION", HIGH)
    start.condition.onset_time_us = start.condition.raised_time_us - 40_000_000
    (said,) = explained(start)["whyNow"]
    assert said.endswith("it had held for 40 s. It was 30 s more until the next observation that showed it.")
    start.condition.condition_delay_us = 0
    assert explained(start)["whyNow"] == [
        "The rule has no delay: the first observation that met the condition raised it."
    ]


def test_an_alarm_nobody_was_told_of_says_by_which_rule() -> None:
    found = explained(caused(EPISODE, 0, "SUPPRESSED", suppressed_by="spo2_critical"))
    assert found["summary"].endswith("nobody was told.")
    assert found["heldBack"][-1] == "the rule spo2_critical was alarming and says it all."
    assert found["whyNow"] == ["It was never raised: the condition cleared, or is still suppressed."]


def test_a_score_says_its_parts_and_what_is_missing() -> None:
    start = caused(EPISODE, 0, "CONDITION", HIGH)
    del start.condition.evidence[:]
    start.condition.early_warning.CopyFrom(
        pb.EarlyWarning(
            name="news2",
            total=7,
            partial=True,
            risk="high",
            subscores=[
                pb.Subscore(sign=pb.SIGN_RESPIRATORY_RATE, points=3),
                pb.Subscore(sign=pb.SIGN_SPO2, points=2, age_us=30_000_000),
                pb.Subscore(sign=pb.SIGN_SYSTOLIC, points=0),
            ],
            missing=[pb.SIGN_TEMPERATURE],
        )
    )
    (why,) = explained(start)["why"]
    assert why == (
        "NEWS2 7, high risk: respiratory rate 3, SpO2 2 (value 30 s old); "
        "missing: temperature, so the total is a lower bound"
    )


def test_alerts_of_a_version_that_said_less_are_explained_by_what_they_say() -> None:
    old = [
        events.alert(alert(EPISODE, 0, 1)),
        events.alert(alert(EPISODE, 1, 2, HIGH)),
        events.alert(alert(EPISODE, 2, 3)),
    ]
    for one in old:
        for name in ("cause", "presence", "activation", "rule_text", "actor", "reason", "until", "suppressed_by"):
            one.pop(name)
        one["condition"].pop("signal_delay_s")
    found = explain_episode(old)
    assert [e["text"].split(":")[0] for e in found["timeline"]] == ["raised as MEDIUM", "changed", "over"]
    assert found["rule"]["text"] is None


def test_an_episode_whose_beginning_is_not_there_says_so() -> None:
    found = explained(caused(EPISODE, 4, "WORSE", HIGH))
    assert found["whyNow"][-1] == "Its beginning is not known here: the earliest step is number 4."


@pytest.mark.parametrize("cause", [v for k, v in pb.AlertCause.items() if v])
def test_every_cause_has_words(cause: int) -> None:
    for phase in pb.AlertPhase.values()[1:]:
        made = alert(EPISODE, 1, phase, HIGH, cause=cause)
        (entry,) = explained(made)["timeline"]
        assert entry["text"]
        assert "(" not in entry["text"] or "None" not in entry["text"]


def test_lines_are_complete() -> None:
    lines = episode_lines(explained(*story()))
    assert "Where: bed 3, ward ICU-A; device d-1" in lines
    assert sum(line.startswith("  2026-01-01 00:0") for line in lines) == 9


def test_alerts_of_several_episodes_are_refused() -> None:
    with pytest.raises(ValueError, match="one episode"):
        explained(alert(EPISODE, 0, 1), alert(uuid.uuid4(), 0, 1))
    with pytest.raises(ValueError, match="one episode"):
        explained()
