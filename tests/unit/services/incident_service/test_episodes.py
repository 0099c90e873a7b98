"""Folding an episode's steps: any order and any split into batches gives the same incident."""

import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from services.incident_service.episodes import fold, opened, step_of
from tests.support.alerts import END, HIGH, MEDIUM, START, UPDATE, alert

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EPISODE = uuid.UUID(int=7)
STEPS = [
    alert(EPISODE, 0, START, MEDIUM),
    alert(EPISODE, 1, UPDATE, HIGH),
    alert(EPISODE, 2, UPDATE, MEDIUM),
    alert(EPISODE, 3, END, MEDIUM),
]


def incident(batches: list[list[Any]]) -> dict[str, Any]:
    row: dict[str, Any] | None = None
    for batch in batches:
        steps = [step_of(a, NOW) for a in batch]
        row = row or opened(min(steps, key=lambda s: s.step), NOW)
        row = fold(row, steps, NOW).row
    assert row is not None
    return row


WHOLE = incident([STEPS])


def test_the_newest_step_says_how_it_stands() -> None:
    assert (WHOLE["priority"], WHOLE["priority_max"], WHOLE["condition_ended"]) == (MEDIUM, HIGH, True)
    assert WHOLE["status"] == "open"
    assert WHOLE["message"] == "heart rate 143"
    assert WHOLE["ended_at"] == datetime(2026, 1, 1, 0, 3, tzinfo=UTC)


@pytest.mark.parametrize("order", list(itertools.permutations(STEPS)))
def test_the_order_of_arrival_does_not_matter(order: tuple[Any, ...]) -> None:
    assert incident([[a] for a in order]) == WHOLE
    assert incident([list(order[:2]), list(order[2:])]) == WHOLE


def test_an_end_that_comes_alone_makes_an_incident_that_has_ended() -> None:
    row = incident([[STEPS[3]]])
    assert (row["status"], row["condition_ended"], row["last_step"]) == ("open", True, 3)
