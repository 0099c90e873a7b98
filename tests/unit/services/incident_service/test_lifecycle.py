"""An incident has legal transitions only, and the alarm's own steps do what IEC 60601-1-8 calls latching."""

from typing import Any

import pytest

from services.incident_service import lifecycle
from services.incident_service.lifecycle import ACKNOWLEDGED, OPEN, RESOLVED, Facts, Illegal, Standing, act, on_step

LOW, MEDIUM, HIGH = 1, 2, 3


def steps(status: str, **facts: Any) -> list[str]:
    return [action.status for action in on_step(status, Facts(**({"priority_max": MEDIUM} | facts)))]


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
    assert steps(OPEN, ended=True) == []


def test_the_end_of_a_condition_resolves_what_was_acknowledged() -> None:
    assert steps(ACKNOWLEDGED, ended=True) == [RESOLVED]


def test_the_end_of_a_low_priority_condition_resolves_it() -> None:
    assert steps(OPEN, ended=True, priority_max=LOW) == [RESOLVED]


@pytest.mark.parametrize("status", [ACKNOWLEDGED, RESOLVED])
def test_an_alarm_that_sounds_again_is_open_again(status: str) -> None:
    assert steps(status, sounds="worse") == [OPEN]


def test_an_alarm_that_sounds_again_before_anybody_saw_it_stays_open() -> None:
    assert steps(OPEN, sounds="still there") == []


def test_acknowledging_at_the_alarm_acknowledges_the_incident_and_its_end_resolves_it() -> None:
    (acknowledged, resolved) = on_step(OPEN, Facts(acknowledged=True, actor="kim", ended=True, priority_max=HIGH))
    assert (acknowledged.status, acknowledged.actor) == (ACKNOWLEDGED, "kim")
    assert (resolved.status, resolved.actor) == (RESOLVED, lifecycle.SYSTEM)


@pytest.mark.parametrize("status", [ACKNOWLEDGED, RESOLVED])
def test_an_acknowledgement_that_came_from_here_changes_nothing_more(status: str) -> None:
    assert steps(status, acknowledged=True, actor="kim") == []
