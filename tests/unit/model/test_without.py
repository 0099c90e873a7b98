"""What a risk knows that was trained without some columns: nothing of what these alone tell."""

from dataclasses import replace

import numpy as np
import pytest

from models import without
from models.train import layout
from tests.unit.model.synthetic import dataset
from vigil import core

NAMES = core.feature_names()


def test_what_is_hidden_is_named() -> None:
    hidden = {name: {NAMES[at] for at in columns} for name, columns in without.hidden(layout()).items()}
    assert {"seen_s", "heart_rate_age_s", "heart_rate_unchanged_s", "glucose_age_s"} < hidden["times"]
    assert hidden["support"] == {f"{sign}{part}" for sign in ("etco2", "fio2", "glucose") for part in ("", "_age_s")}
    assert hidden["both"] == hidden["times"] | hidden["support"]
    assert not hidden["both"] & {"heart_rate", "heart_rate_slope_6h", "heart_rate_deviation_24h", "age_years"}


def test_a_risk_without_the_telling_column_tells_nothing() -> None:
    rows = dataset(patients=80).rows
    late = rows.features[:, NAMES.index("seen_s")] > 40 * 3600
    rows = replace(rows, labels=late.astype(np.int8))
    number = np.arange(80)
    learn, calibration, test = rows.of(number < 50), rows.of((number >= 50) & (number < 60)), rows.of(number >= 60)
    found = without.measure(layout(), learn, calibration, test, seed=1, rounds=20)
    assert found["support"]["auroc"]["value"] > 0.7
    assert np.isnan(found["support"]["aurocSameHour"]["value"]), "rows of one hour are labelled alike"
    assert found["times"]["auroc"]["value"] == pytest.approx(0.5, abs=0.1)
    assert found["both"]["auroc"]["value"] == pytest.approx(0.5, abs=0.1)
    figures = [name[measure] for name in found.values() for measure in ("auroc", "auprc")]
    assert all(figure["low"] <= figure["value"] <= figure["high"] for figure in figures)
