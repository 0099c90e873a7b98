"""Feature rows against the training reference: what moved is named first, too few rows say nothing."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from prometheus_client import REGISTRY

from services.anomaly_service import drift as drifting
from services.anomaly_service.batcher import Scored
from services.anomaly_service.drift import FeatureDrift
from tests.unit.model import synthetic
from vigil.model import Model
from vigil.model.drift import VALUES_MIN, distribution
from vigil.model.manifest import read


@pytest.fixture
def model(model_file: Path) -> Model:
    manifest, graph = read(model_file)
    rows = synthetic.features(4000, seed=1)
    reference = {name: distribution(rows[:, at]) for at, name in enumerate(manifest.features)}
    return Model(msgspec.structs.replace(manifest, drift=reference), graph)


@pytest.fixture
def drift(monkeypatch: pytest.MonkeyPatch) -> FeatureDrift:
    """Counts in the caller's thread, every batch."""
    made = FeatureDrift(10**9)

    def now(work: Callable[[], None]) -> bool:
        work()
        return True

    monkeypatch.setattr(made._background, "offer", now)
    return made


def feed(drift: FeatureDrift, model: Model, rows: np.ndarray) -> None:
    packed = rows.astype("<f4").tobytes()
    for _ in range(4):
        drift.observe(packed, len(rows), Scored(model.score(packed, len(rows)), model))


def test_a_moved_feature_is_named_first(drift: FeatureDrift, model: Model) -> None:
    rows = synthetic.features(256, seed=2)
    rows[:, model.manifest.features.index("heart_rate")] += 40
    feed(drift, model, rows)
    report = drift.report(24)
    assert report["rows"] == 1024
    assert (report["items"][0]["column"], report["items"][0]["band"]) == ("heart_rate", "much")
    assert {item["column"]: item["band"] for item in report["items"]}["spo2"] == "none"
    spo2 = next(item for item in report["items"] if item["column"] == "spo2")
    assert spo2["missing"] == pytest.approx(spo2["missingInTraining"], abs=0.1)


def shown(column: str) -> float | None:
    """What the metric says."""
    return REGISTRY.get_sample_value("vigil_feature_drift_psi", {"column": column})


def test_the_metric_forgets_the_columns_of_a_model_that_was_replaced(
    drift: FeatureDrift, model: Model, model_file: Path
) -> None:
    rows = synthetic.features(256, seed=2)
    feed(drift, model, rows)
    drift._publish()
    assert shown("spo2") is not None
    reference = {name: bins for name, bins in model.manifest.drift.items() if name != "spo2"}
    other = Model(msgspec.structs.replace(model.manifest, drift=reference), model_file.read_bytes())
    feed(drift, other, rows)
    drift._publish()
    assert shown("spo2") is None
    assert shown("heart_rate") is not None


def test_too_few_rows_say_nothing(drift: FeatureDrift, model: Model) -> None:
    feed(drift, model, synthetic.features(VALUES_MIN // 4 - 1, seed=3))
    assert {item["band"] for item in drift.report(1)["items"]} == {"unknown"}


def test_a_column_of_few_values_says_nothing_however_many_the_rows(
    drift: FeatureDrift, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = synthetic.features(256, seed=2)
    temperature = model.manifest.features.index("temperature")
    rows[:, temperature] = np.nan_to_num(rows[:, temperature], nan=37.0)
    monkeypatch.setattr(drifting.time, "time", lambda: 0.0)
    feed(drift, model, rows)
    drift._publish()
    assert shown("temperature") is not None
    rows[10:, temperature] = np.nan
    monkeypatch.setattr(drifting.time, "time", lambda: 25 * 3600.0)  # the hour before is in the window no longer
    feed(drift, model, rows)
    drift._publish()
    item = next(item for item in drift.report(24)["items"] if item["column"] == "temperature")
    assert (item["psi"], item["band"], item["missing"]) == (None, "unknown", round(1 - 10 / 256, 4))
    assert shown("temperature") is None, "the last figure does not stay"
    assert shown("heart_rate") is not None


def test_hours_pass_out_of_the_window_and_then_out_of_memory(
    drift: FeatureDrift, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000 * 3600.0]
    monkeypatch.setattr(drifting.time, "time", lambda: now[0])
    for _ in range(drifting.HOURS_KEPT + 2):
        feed(drift, model, synthetic.features(200, seed=3))
        now[0] += 3600.0
    assert drift.report(1)["rows"] == 0, "nothing yet in this hour"
    assert drift.report(2)["rows"] == 800
    assert drift.report(10_000)["rows"] == 800 * drifting.HOURS_KEPT


def test_large_batches_are_sampled(drift: FeatureDrift, model: Model) -> None:
    feed(drift, model, synthetic.features(5000, seed=3))
    assert 4 * 200 < drift.report(1)["rows"] <= 4 * 256


def test_so_many_rows_a_second_are_counted_and_no_more(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    made, now = FeatureDrift(256), [0.0]
    monkeypatch.setattr(made._background, "offer", lambda work: work() or True)
    monkeypatch.setattr(drifting.time, "monotonic", lambda: now[0])
    packed = synthetic.features(64, seed=3).astype("<f4").tobytes()
    for at in (0.0, 0.2, 0.25, 0.3, 0.5):  # 64 rows are a quarter of a second's
        now[0] = at
        made.observe(packed, 64, Scored(model.score(packed, 64), model))
    assert made.report(1)["rows"] == 3 * 64


def test_without_a_reference_there_is_no_answer(drift: FeatureDrift, model_file: Path) -> None:
    manifest, graph = read(model_file)
    feed(drift, Model(msgspec.structs.replace(manifest, drift={}), graph), synthetic.features(100, seed=3))
    assert drift.report(1)["items"] == []
