"""Counting in bins against plain Python, and what is said of it."""

import random
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from services.analytics import drift_kernel as d
from services.analytics.drift import (
    PSI,
    VALUES_MIN,
    WARDS_SHOWN_MAX,
    DriftCounts,
    DriftTables,
    Reference,
    _item,
    _show,
)
from services.analytics.kernels import HIGH, HOUR_US, LOW
from services.analytics.tables import Values
from tests.unit.services.analytics.test_kernels import columns
from vigil.model.drift import distribution
from vigil.model.manifest import Distribution, Manifest, read
from vigil.pb import events_pb2 as pb


@pytest.fixture
def reference(model_file: Path) -> Reference:
    values = np.random.default_rng(1).normal(80, 20, 5000).astype(np.float32)
    trained = {
        "heart_rate": distribution(values),
        "spo2": Distribution(edges=[70.0, 80.0, 90.0], shares=[0.25] * 4, missing=0.0),
        "risk": distribution(np.random.default_rng(2).random(5000).astype(np.float32)),
        "heart_rate_delta": distribution(values),
    }
    return Reference(msgspec.structs.replace(read(model_file)[0], drift=trained))


def _each(values: Values) -> Iterable[tuple[int, int, bool, float]]:
    columns = values.observation, values.sign, values.usable, values.value
    return zip(*(column.tolist() for column in columns), strict=True)


def test_the_metric_shows_so_many_wards_and_always_all_of_them_together() -> None:
    items = [{"ward": None, "field": "risk", "psi": 0.5}]
    items += [{"ward": f"w{n:03}", "field": "risk", "psi": 0.1} for n in range(WARDS_SHOWN_MAX + 20)]
    _show([*items, {"ward": "w001", "field": "spo2", "psi": None}])
    shown = {s.labels["ward"]: s.value for m in PSI.collect() for s in m.samples}
    assert len(shown) == WARDS_SHOWN_MAX + 1
    assert (shown["all"], shown["w000"]) == (0.5, 0.1)
    _show(items[:1])
    assert {s.labels["ward"] for m in PSI.collect() for s in m.samples} == {"all"}, "a ward that is gone is not shown"


def test_only_vital_signs_and_scores_are_compared(reference: Reference) -> None:
    assert reference.fields == ["heart_rate", "spo2", "risk"]
    assert reference.column("anomaly") == -1


def test_counts_are_those_of_plain_python(reference: Reference) -> None:
    rng, table = random.Random(5), DriftCounts(reference)
    oracle: dict[tuple[int, int], list[int]] = {}
    signs = {pb.SIGN_HEART_RATE: "heart_rate", pb.SIGN_SPO2: "spo2"}
    for _ in range(3):
        o, values = columns(rng, 2000, 40)
        o.risk[::7] = np.nan
        values.value[::5] = 80.0  # an edge of spo2
        table.add(o, values)
        entries = [
            (int(at), signs.get(sign, ""), np.float32(value)) for at, sign, usable, value in _each(values) if usable
        ]
        entries += [(at, "risk", risk) for at, risk in enumerate(o.risk)]
        for at, field, value in entries:
            if field and o.fresh[at] and not o.duplicate[at]:
                column = reference.fields.index(field)
                key = (int(o.ward[at]) << d.COLUMN_BITS | column, int(o.event_time_us[at]) // HOUR_US)
                bins = oracle.setdefault(key, [0] * (d.BINS_MAX + 1))
                edges = np.array(reference.trained[column].edges, np.float32)
                bins[-1 if np.isnan(value) else int(sum(value >= edges))] += 1
    made = {(int(row[HIGH]), int(row[LOW])): row[d.FIRST_BIN :].tolist() for row in table.groups()}
    assert made == oracle


def test_a_table_that_is_full_grows_in_the_middle_of_a_poll(reference: Reference) -> None:
    table = DriftCounts(reference)
    o, values = columns(random.Random(6), 5000, 3)
    o.event_time_us[:] = np.arange(5000) * HOUR_US
    table.add(o, values)
    counted = o.fresh & ~o.duplicate
    assert table.groups()[:, d.FIRST_BIN :].sum() == counted.sum() + sum(
        counted[at] for at, sign, usable, _ in _each(values) if usable and reference.column_of_sign[sign] >= 0
    )


def test_without_a_reference_nothing_is_counted() -> None:
    table = DriftCounts(Reference(None))
    table.add(*columns(random.Random(7), 100, 3))
    assert table.used == 0


def test_few_values_say_nothing_and_moved_ones_do(reference: Reference) -> None:
    counts = np.zeros(d.BINS_MAX + 1, np.int64)
    counts[9], counts[-1] = VALUES_MIN, VALUES_MIN
    moved = _item("C3", "heart_rate", counts, reference)
    assert (moved["band"], moved["missing"]) == ("much", None), "how often a sign was not sent is not known"
    assert _item("C3", "risk", counts, reference)["missing"] == 0.5
    counts[9] -= 1
    assert _item("C3", "heart_rate", counts, reference)["psi"] is None


def test_a_reference_with_more_bins_than_there_is_room_for_is_left_out(model_file: Path) -> None:
    wide = Distribution(edges=[float(n) for n in range(11)], shares=[1 / 12] * 12, missing=0.0)
    manifest: Manifest = msgspec.structs.replace(read(model_file)[0], drift={"spo2": wide})
    assert Reference(manifest).fields == []


def test_each_observation_is_counted_for_the_model_that_scored_it(reference: Reference) -> None:
    other = copy(reference)
    other.version = "other"
    known = {"": other, reference.version: reference, "other": other}
    tables = DriftTables(known.__getitem__)
    o, values = columns(random.Random(8), 3000, 20)
    number = np.arange(3000, dtype=np.uint32) % 3
    mixed = replace(o, model=number, models=["", reference.version, "other"])
    tables.add(mixed, values)
    made = {of.version: rows for of, rows in tables.groups()}
    assert set(made) == {reference.version, "other"}
    for version, chosen in ((reference.version, number == 1), ("other", number != 1)):
        alone = DriftCounts(known[version])
        alone.add(replace(o, fresh=o.fresh & chosen), values)
        assert sorted(made[version].tolist()) == sorted(alone.groups().tolist())


def test_a_model_that_scores_no_more_is_forgotten_after_its_counts_are_stored(reference: Reference) -> None:
    tables = DriftTables({"": reference}.__getitem__)
    tables.add(*columns(random.Random(9), 100, 3))
    tables.clear()
    assert [len(rows) for _, rows in tables.groups()] == [0]
    tables.clear()
    assert tables.groups() == []


def test_a_ward_that_is_called_all_does_not_stand_for_all_of_them() -> None:
    _show([{"ward": None, "field": "risk", "psi": 0.5}, {"ward": "all", "field": "risk", "psi": 9.0}])
    assert [s.value for m in PSI.collect() for s in m.samples] == [0.5]
