"""Who is held out of which recording."""

from pathlib import Path

from models.split import split_outcomes
from vigil.evaluation.split import unseen
from vigil.recordings.icu_mortality import IcuMortality

STAY = "Time,Parameter,Value\n00:00,Age,54\n00:07,HR,73\n"


def test_of_the_stays_with_an_outcome_half_are_held_out_by_the_rule_of_training(tmp_path: Path) -> None:
    for number in range(132_539, 132_599):
        (tmp_path / f"{number}.txt").write_text(STAY)
    whole = IcuMortality(tmp_path)
    names = [stay.device.device_id for stay in whole.stays()]
    test = split_outcomes(names)[1]
    held = unseen(whole)
    assert held.name != whole.name
    assert [stay.device.device_id for stay in held.stays()] == [n for n, out in zip(names, test, strict=True) if out]
    assert 20 < test.sum() < 40
