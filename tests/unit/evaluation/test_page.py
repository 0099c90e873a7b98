"""The page draws what was asked: lead times up to the hours in which an alarm catches an event, none put elsewhere."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.evaluation.test_evaluate import evaluated, rows
from vigil.evaluation import page


@pytest.fixture
def made() -> dict[str, Any]:
    """A document of rows made by hand; the risk catches three events, 1, 30 and 48 hours before."""
    found, _ = evaluated(rows())
    found["alarms"]["atSensitivity"][-1]["scores"] = {
        "risk": found["alarms"]["atSensitivity"][-1]["scores"]["risk"] | {"leadHours": [1.0, 30.0, 48.0]}
    }
    about = {"model": "vitals-1", "recording": "ward", "patientsChosen": "all patients", "remarks": [], "notes": []}
    return about | {"lookbackHours": 48.0, "found": found}


def test_lead_times_are_drawn_up_to_the_hours_looked_back(made: dict[str, Any], tmp_path: Path) -> None:
    text = page.write(made, tmp_path / "evaluation.html").read_text()
    bins = dict(re.findall(r"(\d+ … \d+) · model: (\d+)", text))
    assert {where for where, count in bins.items() if count == "1"} == {"0 … 4", "28 … 32", "44 … 48"}


def test_hours_looked_back_may_be_none(made: dict[str, Any], tmp_path: Path) -> None:
    made["lookbackHours"] = 0.0
    assert "Lead time" in page.write(made, tmp_path / "evaluation.html").read_text()
