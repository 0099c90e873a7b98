"""What the registry's bodies take and refuse, and the fields they name."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.registry.bodies import NewDevice, NewPatient, NewThresholds, content
from vigil.runtime.problem import FieldError
from vigil.runtime.schema import field_errors


def errors(model: Any, body: dict[str, Any]) -> list[FieldError]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return field_errors([{**e, "loc": ("body", *e["loc"])} for e in caught.value.errors()])


def codes(model: Any, body: dict[str, Any]) -> set[tuple[str, str]]:
    return {(e.field, e.code) for e in errors(model, body)}


def limits(**values: Any) -> dict[str, Any]:
    return {"patientId": "p", "limits": {"heart_rate": values}}


@pytest.mark.parametrize(
    "values",
    [
        {"low": 110, "high": 50},
        {"low": 50, "high": 50},
        {"criticalLow": 60, "low": 50},
        {"high": 140, "criticalHigh": 120},
        {"criticalLow": 140, "criticalHigh": 40},
        {"criticalLow": 120, "high": 110},
        {},
        {"high": 100_000},
        {"low": -5},
    ],
)
def test_limits_out_of_order_or_out_of_this_world_are_refused(values: dict[str, Any]) -> None:
    assert errors(NewThresholds, limits(**values))


@pytest.mark.parametrize(
    "values",
    [{"low": 50}, {"low": 50, "high": 51}, {"criticalLow": 40, "low": 40, "high": 110, "criticalHigh": 110}],
)
def test_sane_limits_are_taken(values: dict[str, Any]) -> None:
    assert NewThresholds.model_validate(limits(**values)).limits_json()["heart_rate"] == values


def test_signs_are_known_in_both_spellings_and_kept_in_one() -> None:
    body = NewThresholds.model_validate({"patient_id": "p", "limits": {"heartRate": {"critical_low": 40}}})
    assert body.limits_json() == {"heart_rate": {"criticalLow": 40}}


def test_every_wrong_field_is_named_at_once() -> None:
    found = codes(NewPatient, {"age": True, "gender": "x", "ward": "", "foo": 1, "baseline": {"mood": 3}})
    assert found == {
        ("age", "wrong_type"),
        ("gender", "invalid_value"),
        ("ward", "invalid_text"),
        ("foo", "unknown_field"),
        ("baseline.mood", "invalid_value"),
    }


def test_scale_2_needs_a_recorded_decision() -> None:
    assert codes(NewPatient, {"spo2Scale": 2}) == {("", "missing_field")}
    assert NewPatient.model_validate({"spo2Scale": 2, "spo2ScaleDecision": {"decidedBy": "dr.lee"}}).spo2_scale == 2


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", "a\0", "a\nb", "x" * 129, "\ud800"])
def test_an_id_is_bounded_and_printable(name: str) -> None:
    assert codes(NewDevice, {"deviceId": name, "deviceType": "m"}) == {("deviceId", "invalid_text")}


def test_the_same_content_has_the_same_digest_in_any_spelling() -> None:
    one = NewPatient.model_validate({"patientId": "p", "gender": "F", "spo2Scale": 1})
    two = NewPatient.model_validate({"patient_id": "p", "gender": "female"})
    assert content(one) == content(two)
    assert content(one) != content(NewPatient.model_validate({"patientId": "p", "gender": "male"}))
