"""ScoreVitals: one observation to scores, severities, factors and explanations.

A sign that cannot be scored has no score and is named in the metadata; it is never scored 0.
"""

import math
import time

from services.anomaly_service.contributions import Contributions, contributions, packed_rows
from services.anomaly_service.explanation import explain
from services.anomaly_service.scorer import NoModel, Scorer
from vigil import core
from vigil.model import Manifest, Severity, severity_of
from vigil.model.observation import rows_engine, unusable
from vigil.pb import anomaly_pb2 as pb
from vigil.pb import events_pb2

# The request's names and the canonical signs.
VITALS = {
    "heart_rate": "heart_rate",
    "blood_pressure.systolic": "systolic",
    "blood_pressure.diastolic": "diastolic",
    "temperature": "temperature",
    "oxygen_saturation": "spo2",
    "respiratory_rate": "respiratory_rate",
}
SEXES = {"f": "female", "female": "female", "m": "male", "male": "male", "other": "other", "": "unknown"}
AGE_YEARS_MAX = 130
AGGREGATION = "score: calibrated model risk; severity: the worst of risk, joint anomaly and any NEWS2 score of 3"


class InvalidVitals(Exception):
    """The request is wrong; the text names every field."""


class NotScorable(Exception):
    """Nothing in the request can be scored."""

    def __init__(self, message: str, metadata: dict[str, str]) -> None:
        super().__init__(message)
        self.metadata = metadata


class Assessor:
    """Scores single observations of patients without history. Used from the event loop alone."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer, self._engine = scorer, rows_engine()
        self._plausible = {
            str(sign["field"]): (float(str(sign["plausible_low"])), float(str(sign["plausible_high"])))
            for sign in core.vocabulary()
        }

    async def assess(self, request: pb.ScoreVitalsRequest) -> pb.ScoreVitalsResponse:
        """Raises `NoModel`, `InvalidVitals` or `NotScorable`."""
        if self._scorer.model is None:
            raise NoModel(self._scorer.problem)
        given = read(request)
        now_us = time.time_ns() // 1000
        values, metadata = self._screen(given, now_us)
        if not values:
            raise NotScorable("no vital sign that could be scored", metadata)
        context = request.patient_context
        metadata |= _unused(context)
        rows, count = packed_rows(
            self._engine,
            values,
            now_us,
            patient_id=context.patient_id,
            age_years=context.age if context.HasField("age") else None,
            sex=SEXES.get(_word(context.gender), "unknown"),
        )
        scored = await self._scorer.score(rows, count)
        manifest = scored.model.manifest
        scores, shares = contributions(manifest, list(values), scored.scores)
        if math.isnan(scores["risk"]):
            raise NotScorable("the model could not score this observation", metadata)
        return self._response(manifest, values, scores, shares, metadata)

    def _screen(self, given: dict[str, float], now_us: int) -> tuple[dict[str, float], dict[str, str]]:
        """The values that a living patient can show, as the normalizer judges; the others are named and left out, never
        changed."""
        quality = unusable({VITALS[vital]: value for vital, value in given.items()}, now_us) if given else {}
        values: dict[str, float] = {}
        metadata: dict[str, str] = {}
        for vital, sign in VITALS.items():
            if vital not in given:
                metadata[f"missing.{vital}"] = "not given"
                continue
            low, high = self._plausible[sign]
            if sign not in quality:
                values[sign] = given[vital]
            elif quality[sign] & events_pb2.QUALITY_SENTINEL:
                metadata[f"excluded.{vital}"] = f"no reading: {given[vital]:g} beside the other values"
            else:
                metadata[f"excluded.{vital}"] = f"implausible: {given[vital]:g} is outside {low:g} … {high:g}"
        return values, metadata

    def _response(
        self,
        manifest: Manifest,
        values: dict[str, float],
        scores: dict[str, float],
        shares: Contributions,
        metadata: dict[str, str],
    ) -> pb.ScoreVitalsResponse:
        points = _news2_points(values)
        worst = max(severity_of(manifest, "risk", scores["risk"]), severity_of(manifest, "anomaly", scores["anomaly"]))
        answers = []
        for vital, sign in VITALS.items():
            score = scores.get(f"anomaly_{sign}", math.nan)
            if sign not in values or math.isnan(score):
                continue
            severity = severity_of(manifest, f"anomaly_{sign}", score)
            if points.get(sign) == 3:
                severity = max(severity, Severity.HIGH)
                worst = max(worst, Severity.HIGH)
            factors, text = explain(manifest, sign, values[sign], score, points.get(sign), shares.get(sign))
            answers.append(
                pb.VitalScore(
                    vital=vital,
                    score=_rounded(score),
                    severity=severity.word,
                    model_version=manifest.version,
                    factors=factors,
                    explanation=text,
                    risk_contribution=shares.get(sign),
                )
            )
        risk = pb.OverallRisk(score=_rounded(scores["risk"]), severity=worst.word, aggregation_method=AGGREGATION)
        metadata |= {"model": manifest.name, "model_version": manifest.version, "schema": manifest.schema}
        metadata["history"] = "none: unusual among all patients, not for this one"
        metadata["joint_anomaly"] = f"{scores['anomaly']:.4f}"
        return pb.ScoreVitalsResponse(
            version="1", status=pb.SUCCESS, vital_scores=answers, overall_risk=risk, metadata=metadata
        )


def read(request: pb.ScoreVitalsRequest) -> dict[str, float]:
    """The vital signs that the request gives. Raises `InvalidVitals` naming every wrong field."""
    given: dict[str, float] = {}
    problems = []
    for vital in VITALS:
        holder, _, name = f"vitals.{vital}".rpartition(".")
        message = request.vitals.blood_pressure if holder.endswith("blood_pressure") else request.vitals
        if not message.HasField(name):
            continue
        value = getattr(message, name)
        if math.isfinite(value):
            given[vital] = value
        else:
            problems.append(f"vitals.{vital}: not a finite number")
    context = request.patient_context
    if context.HasField("age") and not 0 <= context.age <= AGE_YEARS_MAX:
        problems.append(f"patient_context.age: {context.age} is outside 0 … {AGE_YEARS_MAX} years")
    if problems:
        raise InvalidVitals("; ".join(problems))
    return given


def _unused(context: pb.PatientContext) -> dict[str, str]:
    """What was said of the patient and changes no score, each with the reason."""
    unused = {}
    if _word(context.gender) not in SEXES:
        unused["unused.patient_context.gender"] = f"{context.gender[:32]!r} is none of female, male, other"
    if context.medical_conditions:
        unused["unused.patient_context.medical_conditions"] = "the model does not see them"
    return unused


def _word(text: str) -> str:
    return text.strip().lower()


def _news2_points(values: dict[str, float]) -> dict[str, int]:
    """NEWS2 points per sign on scale 1; what is missing has none."""
    _, _, _, subscores, _, _ = core.score_news2(
        values.get("respiratory_rate"),
        values.get("spo2"),
        1,
        None,
        values.get("systolic"),
        values.get("heart_rate"),
        None,
        values.get("temperature"),
    )
    return dict(subscores)


def _rounded(score: float) -> float:
    """To 1e-4, as the rules see it."""
    return round(score, 4)
