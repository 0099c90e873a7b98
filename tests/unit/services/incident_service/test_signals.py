"""An alarm's signal folds into its incident: acknowledged, sounding again, latched, paused, in any order."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.incident_service.episodes import fold, opened, step_of
from tests.support.alerts import HIGH, LOW, T0_US, caused

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EPISODE = uuid.UUID(int=9)
UNTIL_US = T0_US + 600_000_000


def incident(alerts: list[Any]) -> tuple[dict[str, Any], list[str]]:
    row, actions = opened(step_of(alerts[0], NOW), NOW), []
    for one in alerts:
        folded = fold(row, [step_of(one, NOW)], NOW)
        row = folded.row
        actions += [f"{a.actor} {a.action}" for a in folded.actions]
    return row, actions


def episode(*causes: str, priority: Any = HIGH) -> list[Any]:
    fields = {
        "ACKNOWLEDGED": {"actor": "kim", "reason": "at the bedside"},
        "PAUSED": {"actor": "lee", "reason": "turning", "until_us": UNTIL_US},
        "ESCALATED": {"escalation_level": 2, "escalate_to": "charge-nurse"},
        "CONDITION": {"escalation_level": 1, "escalate_to": "nurse"},
    }
    return [caused(EPISODE, i, cause, priority, **fields.get(cause, {})) for i, cause in enumerate(causes)]


def test_acknowledging_at_the_alarm_names_who_did_it() -> None:
    row, actions = incident(episode("CONDITION", "ACKNOWLEDGED"))
    assert (row["status"], row["presence"], row["owner"]) == ("acknowledged", "acknowledged", "kim")
    assert actions == ["kim acknowledge"]
    assert row["acknowledged_at"] == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def test_what_sounds_again_is_open_again() -> None:
    row, actions = incident(episode("CONDITION", "ACKNOWLEDGED", "RE_ALARM"))
    assert (row["status"], row["presence"], row["acknowledged_at"]) == ("open", "on", None)
    assert actions == ["kim acknowledge", "system realarm"]


def test_a_latched_alarm_waits_for_somebody_even_when_it_is_low() -> None:
    row, actions = incident(episode("CONDITION", "LATCHED", priority=LOW))
    assert (row["status"], row["presence"], row["condition_ended"]) == ("open", "latched", True)
    assert actions == ["system latch"]
    row, _ = incident(episode("CONDITION", "LATCHED", "RETURNED"))
    assert (row["status"], row["presence"], row["condition_ended"], row["ended_at"]) == ("open", "on", False, None)


def test_a_latched_alarm_that_is_acknowledged_is_over_and_resolved() -> None:
    steps = episode("CONDITION", "LATCHED", "END")
    steps[2].cause, steps[2].actor = 6, "kim"
    row, actions = incident(steps)
    assert (row["status"], row["presence"], row["owner"]) == ("resolved", "off", "kim")
    assert actions == ["system latch", "kim acknowledge", "system resolve"]


def test_a_pause_and_the_ladder_are_told() -> None:
    row, actions = incident(episode("CONDITION", "ESCALATED", "PAUSED"))
    assert (row["escalation_level"], row["escalated_to"]) == (2, "charge-nurse")
    assert (row["activation"], row["paused_by"], row["pause_reason"]) == ("paused", "lee", "turning")
    assert row["paused_until"] == NOW.replace(month=1) + timedelta(seconds=600)
    assert actions == ["system escalate", "lee pause"]
    assert row["status"] == "open"
    row, _ = incident(episode("CONDITION", "PAUSED", "RE_ALARM"))
    assert (row["activation"], row["paused_by"], row["paused_until"]) == ("on", None, None)


def test_stale_and_fresh_change_no_status() -> None:
    stale = episode("CONDITION", "ACKNOWLEDGED", "STALE")
    stale[2].condition.stale = True
    row, actions = incident(stale)
    assert (row["status"], row["condition_stale"], actions) == ("acknowledged", True, ["kim acknowledge"])


@pytest.mark.parametrize(
    "causes",
    [
        ("CONDITION", "ACKNOWLEDGED", "RE_ALARM", "END"),
        ("CONDITION", "ESCALATED", "ACKNOWLEDGED", "END"),
        ("CONDITION", "LATCHED", "RETURNED", "ACKNOWLEDGED"),
        ("CONDITION", "PAUSED", "RE_ALARM", "ACKNOWLEDGED"),
        ("CONDITION", "PAUSED", "BETTER", "STALE"),
    ],
)
def test_the_order_of_arrival_does_not_matter(causes: tuple[str, ...]) -> None:
    steps = episode(*causes)
    volatile = ("resolved_at", "owner")
    whole, _ = incident(steps)
    for order in itertools.permutations(steps):
        row, _ = incident(list(order))
        assert {k: v for k, v in row.items() if k not in volatile} == {
            k: v for k, v in whole.items() if k not in volatile
        }, [s.step for s in order]


def test_a_repeated_step_does_nothing_again() -> None:
    steps = episode("CONDITION", "ACKNOWLEDGED", "RE_ALARM")
    row, _ = incident(steps)
    again = fold(row, [step_of(steps[1], NOW)], NOW)
    assert again.row["status"] == "open"
