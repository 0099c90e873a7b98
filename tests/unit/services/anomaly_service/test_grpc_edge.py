"""ScoreBatch, ScoreVitals and ListModels, without a server."""

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from prometheus_client import REGISTRY

from services.anomaly_service.assessment import Assessor
from services.anomaly_service.batcher import Scored
from services.anomaly_service.explanation import MOVES_RISK
from services.anomaly_service.grpc_edge import GrpcEdge
from services.anomaly_service.scorer import Scorer
from tests.unit.model import synthetic
from vigil import core
from vigil.model import Model, load
from vigil.model.manifest import Bands, read
from vigil.model.session import ROWS_MAX
from vigil.pb import anomaly_pb2 as pb

COLUMNS, SCORES = len(core.feature_names()), core.score_names()


@pytest.fixture(scope="module")
def scorer(model_file: Path) -> Iterator[Scorer]:
    made = Scorer(load(model_file), 1)
    yield made
    asyncio.run(made.close())


@pytest.fixture(scope="module")
def edge(scorer: Scorer) -> GrpcEdge:
    return GrpcEdge(scorer, Assessor(scorer))


def batch(rows: np.ndarray, /, **changes: object) -> pb.ScoreBatchRequest:
    fields: dict[str, object] = {
        "version": "1",
        "rows": len(rows),
        "columns": rows.shape[1],
        "features": rows.astype("<f4").tobytes(),
        "schema": core.feature_schema(),
    }
    return pb.ScoreBatchRequest(**(fields | changes))


def vitals(**given: float) -> pb.ScoreVitalsRequest:
    pressure = {name: given.pop(name) for name in ("systolic", "diastolic") if name in given}
    message = pb.Vitals(blood_pressure=pb.BloodPressure(**pressure) if pressure else None, **given)
    context = pb.PatientContext(patient_id="p", age=60, gender="female")
    return pb.ScoreVitalsRequest(version="1", vitals=message, patient_context=context)


WELL = {
    "heart_rate": 80.0,
    "oxygen_saturation": 97.0,
    "respiratory_rate": 17.0,
    "temperature": 37.0,
    "systolic": 125.0,
    "diastolic": 70.0,
}


# ScoreBatch -----------------------------------------------------------------------------------------


async def test_a_batch_is_scored_as_the_model_scores_it(edge: GrpcEdge, scorer: Scorer) -> None:
    rows = synthetic.features(100, seed=5)
    answer = await edge.score_batch(batch(rows), None)
    assert (answer.status, answer.rows, answer.columns) == (pb.SUCCESS, 100, len(SCORES))
    assert answer.model_version == _model(scorer).version
    assert answer.scores == _model(scorer).score(rows.astype("<f4").tobytes(), 100)


async def test_no_rows_are_a_success(edge: GrpcEdge) -> None:
    answer = await edge.score_batch(batch(np.zeros((0, COLUMNS))), None)
    assert (answer.status, answer.rows, answer.scores) == (pb.SUCCESS, 0, b"")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schema": "other"}, "schema"),
        ({"schema": ""}, "schema"),
        ({"columns": COLUMNS - 1}, "columns"),
        ({"columns": 0, "rows": 0, "features": b""}, "columns"),
        ({"rows": 4}, "features"),
        ({"rows": 2}, "features"),
        ({"features": b""}, "features"),
        ({"features": bytes(COLUMNS * 4 * 3 - 1)}, "features"),
        ({"rows": ROWS_MAX + 1}, "rows"),
        ({"rows": 2**32 - 1}, "rows"),
    ],
)
async def test_a_wrong_batch_is_refused_by_field(edge: GrpcEdge, changes: dict[str, object], field: str) -> None:
    answer = await edge.score_batch(batch(np.zeros((3, COLUMNS)), **changes), None)
    assert answer.status == pb.INVALID_ARGUMENT
    assert answer.message.startswith(f"{field}:")
    assert answer.scores == b""


async def test_without_a_model_every_call_says_so() -> None:
    scorer = Scorer(None, problem="the file is gone")
    edge = GrpcEdge(scorer, Assessor(scorer))
    scored = await edge.score_batch(batch(np.zeros((1, COLUMNS))), None)
    assert (scored.status, scored.message, scored.scores) == (pb.MODEL_UNAVAILABLE, "the file is gone", b"")
    for asked in (WELL, {}, {"heart_rate": math.nan}):
        assessed = await edge.score_vitals(vitals(**asked), None)
        assert assessed.status == pb.MODEL_UNAVAILABLE
        assert not assessed.HasField("overall_risk")
    assert not (await edge.list_models(pb.ListModelsRequest(), None)).models


async def test_what_would_wait_too_long_is_refused_and_not_scored(model_file: Path) -> None:
    scorer = Scorer(load(model_file), waiting_max=1)
    edge = GrpcEdge(scorer, Assessor(scorer))
    rows = batch(np.zeros((2, COLUMNS)), request=7)
    taken, refused, assessed = await asyncio.gather(
        edge.score_batch(rows, None), edge.score_batch(rows, None), edge.score_vitals(vitals(**WELL), None)
    )
    assert taken.status == pb.SUCCESS
    assert (refused.status, refused.message, refused.scores) == (pb.OVERLOADED, "2 rows wait already", b"")
    assert refused.request == 7
    assert (assessed.status, assessed.HasField("overall_risk")) == (pb.OVERLOADED, False)
    assert (await edge.score_batch(rows, None)).status == pb.SUCCESS
    await scorer.close()


async def test_the_loaded_model_is_listed(edge: GrpcEdge, scorer: Scorer) -> None:
    (model,) = (await edge.list_models(pb.ListModelsRequest(version="1"), None)).models
    loaded = _model(scorer)
    assert (model.model_version, model.sha256, model.active) == (loaded.version, loaded.manifest.sha256, True)


def _model(scorer: Scorer) -> Model:
    assert scorer.model is not None
    return scorer.model


# ScoreVitals ----------------------------------------------------------------------------------------


async def test_every_given_vital_has_a_score(edge: GrpcEdge) -> None:
    answer = await edge.score_vitals(vitals(**WELL), None)
    assert answer.status == pb.SUCCESS
    assert [score.vital for score in answer.vital_scores] == [
        "heart_rate",
        "blood_pressure.systolic",
        "blood_pressure.diastolic",
        "temperature",
        "oxygen_saturation",
        "respiratory_rate",
    ]
    for score in answer.vital_scores:
        assert 0 <= score.score <= 1
        assert score.severity in {"low", "medium", "high", "critical"}
        assert score.explanation
    assert 0 < answer.overall_risk.score < 1
    assert answer.overall_risk.aggregation_method


async def test_a_missing_vital_has_no_score_and_is_named(edge: GrpcEdge) -> None:
    answer = await edge.score_vitals(vitals(heart_rate=80.0, systolic=120.0), None)
    assert [score.vital for score in answer.vital_scores] == ["heart_rate", "blood_pressure.systolic"]
    assert answer.metadata["missing.temperature"] == "not given"


async def test_an_implausible_vital_is_left_out_and_never_scored_zero(edge: GrpcEdge) -> None:
    answer = await edge.score_vitals(vitals(**(WELL | {"temperature": 384.5})), None)
    assert "temperature" not in [score.vital for score in answer.vital_scores]
    assert answer.metadata["excluded.temperature"].startswith("implausible: 384.5")


async def test_what_the_model_cannot_score_is_a_typed_answer(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The core's limits and the model's may differ some day."""

    async def nothing(_features: bytes, rows: int) -> Scored:
        return Scored(np.full((rows, len(SCORES)), np.nan, "<f4").tobytes(), _model(scorer))

    monkeypatch.setattr(scorer, "score", nothing)
    answer = await GrpcEdge(scorer, Assessor(scorer)).score_vitals(vitals(**WELL), None)
    assert answer.status == pb.NOT_SCORABLE
    assert not answer.HasField("overall_risk")


@pytest.mark.parametrize("given", [{}, {"temperature": 384.5}, {"heart_rate": -100.0}])
async def test_nothing_to_score_is_a_typed_answer(edge: GrpcEdge, given: dict[str, float]) -> None:
    answer = await edge.score_vitals(vitals(**given), None)
    assert answer.status == pb.NOT_SCORABLE
    assert answer.message
    assert not answer.HasField("overall_risk")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_a_number_that_is_none_is_refused(edge: GrpcEdge, value: float) -> None:
    answer = await edge.score_vitals(vitals(**(WELL | {"heart_rate": value, "systolic": value})), None)
    assert answer.status == pb.INVALID_ARGUMENT
    assert "vitals.heart_rate" in answer.message
    assert "vitals.blood_pressure.systolic" in answer.message


@pytest.mark.parametrize("age", [-1, 131, 2**31 - 1])
async def test_an_age_out_of_range_is_refused(edge: GrpcEdge, age: int) -> None:
    request = vitals(**WELL)
    request.patient_context.age = age
    answer = await edge.score_vitals(request, None)
    assert (answer.status, "patient_context.age" in answer.message) == (pb.INVALID_ARGUMENT, True)


async def test_the_overall_severity_is_that_of_the_joint_anomaly_where_it_is_worse(model_file: Path) -> None:
    manifest, graph = read(model_file)
    bands = {"risk": Bands(medium=1.0, high=1.0, critical=1.0), "anomaly": Bands(medium=0.0, high=0.0, critical=0.0)}
    scorer = Scorer(Model(msgspec.structs.replace(manifest, severity=bands), graph))
    answer = await GrpcEdge(scorer, Assessor(scorer)).score_vitals(vitals(**WELL), None)
    assert answer.overall_risk.severity == "critical"
    await scorer.close()


async def test_refused_calls_are_counted(edge: GrpcEdge) -> None:
    def counted() -> float:
        labels = {"stage": "anomaly-service", "error_code": "invalid_argument"}
        return REGISTRY.get_sample_value("vigil_errors_total", labels) or 0.0

    before = counted()
    await edge.score_batch(batch(np.zeros((1, COLUMNS)), schema="other"), None)
    await edge.score_vitals(vitals(heart_rate=math.nan), None)
    assert counted() == before + 2


async def test_what_is_said_of_the_patient_and_not_used_is_named(edge: GrpcEdge) -> None:
    request = vitals(**WELL)
    known = await edge.score_vitals(request, None)
    assert not [name for name in known.metadata if name.startswith("unused.")]
    request.patient_context.gender = "Femael"
    request.patient_context.medical_conditions.append("copd")
    answer = await edge.score_vitals(request, None)
    assert "'Femael' is none of" in answer.metadata["unused.patient_context.gender"]
    assert answer.metadata["unused.patient_context.medical_conditions"] == "the model does not see them"
    request.patient_context.gender = ""
    assert (await edge.score_vitals(request, None)).overall_risk == answer.overall_risk, "scored as unknown"


async def test_the_zeros_of_a_monitor_without_its_sensors_are_no_readings_and_an_asystole_is_one(
    edge: GrpcEdge,
) -> None:
    zeros = dict.fromkeys(("heart_rate", "respiratory_rate", "oxygen_saturation"), 0.0)
    off = await edge.score_vitals(vitals(**zeros), None)
    assert off.status == pb.NOT_SCORABLE
    assert {name for name, why in off.metadata.items() if why.startswith("no reading")} == {
        f"excluded.{vital}" for vital in zeros
    }
    standing = await edge.score_vitals(vitals(heart_rate=0.0, oxygen_saturation=97.0), None)
    severities = {score.vital: score.severity for score in standing.vital_scores}
    assert severities["heart_rate"] in {"high", "critical"}


async def test_a_news2_score_of_three_is_at_least_high(edge: GrpcEdge) -> None:
    answer = await edge.score_vitals(vitals(**(WELL | {"respiratory_rate": 30.0})), None)
    severities = {score.vital: score.severity for score in answer.vital_scores}
    assert severities["respiratory_rate"] in {"high", "critical"}
    assert answer.overall_risk.severity in {"high", "critical"}


async def test_one_call_leaves_nothing_behind_for_the_next(edge: GrpcEdge) -> None:
    first = await edge.score_vitals(vitals(**WELL), None)
    await edge.score_vitals(vitals(**(WELL | {"heart_rate": 180.0})), None)
    assert await edge.score_vitals(vitals(**WELL), None) == first


async def test_a_request_without_context_is_scored(edge: GrpcEdge) -> None:
    request = pb.ScoreVitalsRequest(vitals=pb.Vitals(heart_rate=80.0))
    assert (await edge.score_vitals(request, None)).status == pb.SUCCESS


async def test_every_sign_says_what_it_adds_to_the_risk(edge: GrpcEdge) -> None:
    answer = await edge.score_vitals(vitals(**(WELL | {"heart_rate": 118.0})), None)
    added = {score.vital: score.risk_contribution for score in answer.vital_scores}
    assert all(score.HasField("risk_contribution") for score in answer.vital_scores)
    for score in answer.vital_scores:
        moved = abs(added[score.vital]) >= MOVES_RISK
        assert ("raises_risk" in score.factors) == (moved and added[score.vital] > 0)
        assert ("lowers_risk" in score.factors) == (moved and added[score.vital] < 0)
        assert f"multiplies the odds of deterioration by {math.exp(added[score.vital]):.2f}" in score.explanation
    assert any(added.values())

    # The contribution is the difference of the logits with and without the sign, seen through the edge alone.
    without = await edge.score_vitals(vitals(**{k: v for k, v in WELL.items() if k != "heart_rate"}), None)
    odds = [r / (1 - r) for r in (answer.overall_risk.score, without.overall_risk.score)]
    assert added["heart_rate"] == pytest.approx(math.log(odds[0] / odds[1]), abs=0.01)


async def test_one_sign_alone_has_no_contribution(edge: GrpcEdge) -> None:
    (only,) = (await edge.score_vitals(vitals(heart_rate=118.0), None)).vital_scores
    assert not only.HasField("risk_contribution")
    assert "odds" not in only.explanation


async def test_a_row_of_nothing_is_not_scorable_among_others(edge: GrpcEdge) -> None:
    rows = synthetic.features(3, seed=6)
    rows[1] = math.nan
    answer = await edge.score_batch(batch(rows), None)
    scores = np.frombuffer(answer.scores, "<f4").reshape(3, len(SCORES))
    assert np.isnan(scores[1]).all()
    assert np.isfinite(scores[[0, 2], 0]).all()
