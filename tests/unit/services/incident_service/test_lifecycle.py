"""An incident has legal transitions only, and the alarm's own steps do what IEC 60601-1-8 calls latching."""

import pytest

from services.incident_service import lifecycle
from services.incident_service.lifecycle import ACKNOWLEDGED, OPEN, RESOLVED, Illegal, Standing, act, on_step

LOW, MEDIUM, HIGH = 1, 2, 3


def step(status: str, *, ended: bool = False, before: int = MEDIUM, now: int = MEDIUM, top: int = MEDIUM) -> str | None:
    action = on_step(status, ended=ended, priority_before=before, priority_now=now, priority_max=top)
    return action.status if action else None


def test_the_way_through() -> None:
    standing = act(Standing(OPEN, None), "acknowledge", "kim")
    assert standing == Standing(ACKNOWLEDGED, "kim")
    assert act(standing, "assign", "kim", "lee") == Standing(ACKNOWLEDGED, "lee")
    assert act(standing, "resolve", "kim").status == RESOLVED


def test_acknowledging_what_somebody_owns_keeps_the_owner() -> None:
    assert act(Standing(OPEN, "lee"), "acknowledge", "kim").owner == "lee"


@pytest.mark.parametrize(
    ("status", "action"),
    [(s, a) for s in (OPEN, ACKNOWLEDGED, RESOLVED) for a in lifecycle.ACTIONS if a not in lifecycle.LEGAL[s]],
)
def test_an_illegal_transition_names_the_legal_ones(status: str, action: str) -> None:
    with pytest.raises(Illegal) as caught:
        act(Standing(status, None), action, "kim", "lee")
    assert caught.value.legal == sorted(lifecycle.LEGAL[status])


def test_the_end_of_a_condition_leaves_an_unseen_alarm_latched() -> None:
    assert step(OPEN, ended=True) is None


def test_the_end_of_a_condition_resolves_what_was_acknowledged() -> None:
    assert step(ACKNOWLEDGED, ended=True) == RESOLVED


def test_the_end_of_a_low_priority_condition_resolves_it() -> None:
    assert step(OPEN, ended=True, before=LOW, now=LOW, top=LOW) == RESOLVED


def test_an_alarm_that_once_was_higher_than_low_stays_latched() -> None:
    assert step(OPEN, ended=True, before=LOW, now=LOW, top=HIGH) is None


@pytest.mark.parametrize("status", [ACKNOWLEDGED, RESOLVED])
def test_a_rising_priority_alarms_again(status: str) -> None:
    assert step(status, now=HIGH, top=HIGH) == OPEN


def test_a_falling_priority_does_not() -> None:
    assert step(ACKNOWLEDGED, before=HIGH, now=MEDIUM, top=HIGH) is None
