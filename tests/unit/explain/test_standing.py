"""How the default rules stand for a patient, from the engine's own answer to the words."""

import json
import uuid
from math import nan
from typing import Any

import pytest

from tests.support.alerts import T0_US
from tests.support.enriched import header
from vigil import controls, paths, topology
from vigil.core import Engine, score_names
from vigil.explain.standing import rule_text, standing_lines
from vigil.pb import events_pb2 as pb

SECOND = 1_000_000


def observation(
    second: float, values: dict[str, float], off: tuple[str, ...] = (), device_type: str = "", **context: Any
) -> pb.Observation:
    at_us = T0_US + round(second * SECOND)
    head = header(uuid.uuid5(uuid.NAMESPACE_OID, str(second)).bytes, at_us, "monitor", "p")
    vitals = pb.Vitals(device_type=device_type)
    for name, value in values.items():
        vitals.signs.append(pb.Sign.Value(f"SIGN_{name.upper()}"))
        vitals.values.append(value)
        vitals.quality.append(pb.QUALITY_DISCONNECTED if name in off else 0)
    return pb.Observation(header=head, vitals=vitals, context=pb.Context(patient_id="p", **context))


class Bed:
    """An engine with the default rules or others, and one patient."""

    def __init__(self, rules: str | None = None) -> None:
        self.engine = Engine(rules or paths.RULES.read_text(encoding="utf-8"))
        self.engine.assign(0)
        self.offset = 0
        self.now_us = T0_US

    def take(self, *batches: pb.TelemetryBatch) -> None:
        for batch in batches:
            value = batch.SerializeToString()
            pending = self.engine.begin(topology.ENRICHED, 0, [self.offset], [value], self.now_us)
            self.engine.finish(pending, None, "", self.now_us)
            self.offset += 1

    def observe(self, second: float, values: dict[str, float], **more: Any) -> None:
        self.now_us = T0_US + round(second * SECOND)
        self.take(pb.TelemetryBatch(observations=[observation(second, values, **more)]))

    def act(self, action: Any, **fields: Any) -> None:
        made = controls.control(action, patient_id="p", time_us=self.now_us, **fields)
        self.take(pb.TelemetryBatch(controls=[made]))

    def standing(self, heard: Any = (), **scores: float) -> dict[str, Any]:
        row = [scores.get(column, nan) for column in score_names()]
        answer = self.engine.explain(0, "p", "", self.now_us, list(heard), row)
        assert answer is not None
        return dict(json.loads(answer))

    def rule(self, name: str, heard: Any = (), **scores: float) -> dict[str, Any]:
        return next(rule for rule in self.standing(heard, **scores)["rules"] if rule["id"] == name)


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_nobody_is_known(bed: Bed) -> None:
    assert bed.engine.explain(0, "p", "", T0_US) is None
    assert bed.engine.explain(9, "p", "", T0_US) is None


def test_every_rule_has_a_state_and_words(bed: Bed) -> None:
    for second in range(5):
        bed.observe(second, {"heart_rate": 72, "spo2": 97, "respiratory_rate": 14}, age_years=40)
    standing = bed.standing(risk=0.01)
    bands = ("-infant", "-toddler", "-child", "-adolescent")
    for rule in standing["rules"]:
        assert rule["state"] in (["not_applicable"] if rule["id"].endswith(bands) else ["clear", "no_data"]), rule
    assert all(rule_text(rule) for rule in standing["rules"])
    lines = standing_lines(standing, [])
    assert sum(line.startswith("  ") for line in lines) == len(standing["rules"])
    assert "2026-01-01 00:00:04 UTC" in lines[0]


def test_an_alarm_that_is_acknowledged_and_what_it_suppresses(bed: Bed) -> None:
    bed.observe(0, {"heart_rate": 72})
    bed.observe(1, {"heart_rate": 0})
    asystole = bed.rule("asystole")
    assert (asystole["state"], asystole["priority"], asystole["presence"]) == ("alarming", "high", "on")
    low = bed.rule("heart-rate-low")
    assert (low["state"], low["suppressed_by"]) == ("suppressed", ["asystole"])
    assert rule_text(low).startswith("suppressed by asystole, which says it all; heart rate 0 /min")
    bed.act("acknowledge", actor="kim")
    acknowledged = bed.rule("asystole")
    assert acknowledged["presence"] == "acknowledged"
    assert rule_text(acknowledged).startswith("HIGH since 2026-01-01 00:00:01 UTC, acknowledged; heart rate 0 /min")


def test_a_pause_keeps_no_life_threatening_alarm_back(bed: Bed) -> None:
    bed.observe(0, {"heart_rate": 72})
    bed.act("pause", actor="lee", reason="turning", until_us=T0_US + 600 * SECOND)
    for second in range(1, 40):
        bed.observe(second, {"heart_rate": 150})
    high = bed.rule("heart-rate-high")
    assert (high["state"], high["paused"]["actor"]) == ("suppressed", "lee")
    bed.observe(41, {"heart_rate": 0})
    assert bed.rule("asystole")["state"] == "alarming"
    (pause,) = bed.standing()["pauses"]
    assert (pause["rule_id"], pause["activation"], pause["reason"]) == (None, "paused", "turning")


def test_a_sensor_that_is_off(bed: Bed) -> None:
    bed.observe(0, {"spo2": 97})
    bed.observe(1, {"spo2": 0}, off=("spo2",))
    missing = [rule for rule in bed.standing()["rules"] if "spo2" in rule["disconnected"]]
    assert missing
    assert all(rule["state"] in ("disconnected", "pending", "alarming") for rule in missing)
    assert "SpO2 is disconnected or silent" in rule_text(next(r for r in missing if r["state"] == "disconnected"))


def test_a_score_that_does_not_apply(bed: Bed) -> None:
    bed.observe(0, {"heart_rate": 140, "respiratory_rate": 30}, age_years=9)
    scores = [rule for rule in bed.standing()["rules"] if rule["kind"] == "score"]
    assert {rule["state"] for rule in scores} == {"not_applicable"}
    assert "leaves the patient out by age or pregnancy" in rule_text(scores[0])


def test_a_partial_score_is_a_lower_bound(bed: Bed) -> None:
    bed.observe(0, {"heart_rate": 72, "respiratory_rate": 14}, age_years=60)
    score = next(rule for rule in bed.standing()["rules"] if rule["kind"] == "score")
    assert score["score"]["partial"]
    assert "NEWS2 0, a lower bound: " in rule_text(score)


KINDS = """
version = 1

[[rule]]
id = "for-children"
kind = "limit"
sign = "heart_rate"
direction = "high"
message = "{sign} {value}"
delay_s = 0
hysteresis = 0
inclusive = false
population = { age_max = 12 }
steps = [{ limit = 180, priority = "high" }]

[[rule]]
id = "pressure-falls"
kind = "trend"
sign = "systolic"
direction = "fall"
window_s = 600
message = "{sign} falls"
delay_s = 0
hysteresis = 5
steps = [{ change = 30, priority = "medium" }]

[[rule]]
id = "both"
kind = "combination"
mode = "all"
within_s = 60
message = "Both"
priority = "high"
delay_s = 0
conditions = [
  { sign = "heart_rate", direction = "high", limit = 130, inclusive = false },
  { sign = "systolic", direction = "low", limit = 90, inclusive = false },
]

[[rule]]
id = "model"
kind = "anomaly"
column = "risk"
message = "Risk"
delay_s = 0
hysteresis = 0.05
steps = [{ at_least = 0.8, priority = "medium", delay_s = 30 }]
"""


def test_the_other_kinds_and_populations() -> None:
    bed = Bed(KINDS)
    bed.observe(0, {"heart_rate": 140, "systolic": 120}, age_years=60)
    child = bed.rule("for-children")
    assert (child["state"], rule_text(child)) == ("not_applicable", "its population leaves the patient out by age")
    both = bed.rule("both")
    assert [condition["met"] for condition in both["conditions"]] == [True, False]
    assert "met: heart rate above 130 /min, not met: systolic pressure below 90 mmHg" in rule_text(both)
    assert "2 of 2 conditions within 60 s" in rule_text(both)
    assert "the model's score at or above 0.8" in rule_text(bed.rule("model"))


def test_a_trend_says_from_where_it_has_gone() -> None:
    bed = Bed(KINDS)
    bed.observe(0, {"systolic": 140})
    bed.observe(300, {"systolic": 118})
    trend = bed.rule("pressure-falls")
    assert trend["state"] == "clear"
    compared = trend["compared"]
    assert (compared["what"], compared["value"], compared["reference"]) == ("fall", 22, 140)
    assert rule_text(trend) == (
        "systolic pressure fall of 22 mmHg from 140 within 10 min, systolic pressure 118 mmHg (0 ms old); "
        "MEDIUM not met: fall of systolic within 600 s at or above 30 mmHg"
    )
    bed.observe(301, {"systolic": 110})
    assert bed.rule("pressure-falls")["steps"][0]["met"] is True
    bed.observe(910, {"systolic": 110})
    assert bed.rule("pressure-falls")["compared"]["value"] == 0, "the 140 is out of the window"


def test_a_percentage_of_nothing_is_not_said() -> None:
    bed = Bed(KINDS.replace('"fall"', '"rise"').replace("change = 30", "percent = 20"))
    bed.observe(0, {"systolic": 100})
    bed.observe(1, {"systolic": 115})
    assert bed.rule("pressure-falls")["compared"] | {"unit": "%", "value": 15} == bed.rule("pressure-falls")["compared"]
    bed = Bed(KINDS.replace('"fall"', '"rise"').replace("change = 30", "percent = 20").replace("systolic", "o2_flow"))
    bed.observe(0, {"o2_flow": 0})
    bed.observe(1, {"o2_flow": 5})
    trend = bed.rule("pressure-falls")
    assert (trend["compared"], trend["steps"][0]["met"]) == (None, None)


MEAN = """
version = 1

[[rule]]
id = "mean"
kind = "limit"
sign = "spo2"
direction = "low"
average_s = 30
message = "m"
population = { device_types = ["pulse_oximeter"] }
steps = [{ limit = 90, priority = "high", delay_s = 60 }]
"""


def test_a_mean_is_compared_and_not_the_last_value() -> None:
    bed = Bed(MEAN)
    bed.observe(0, {"spo2": 96})
    bed.observe(1, {"spo2": 88})
    mean = bed.rule("mean")
    assert (mean["state"], mean["steps"][0]["met"]) == ("clear", False)
    assert rule_text(mean) == (
        "mean of SpO2 92% over 30 s, SpO2 88% (0 ms old); HIGH not met: mean of spo2 within 30 s below 90%"
    )
    bed.observe(2, {"spo2": 80})
    mean = bed.rule("mean")
    assert (mean["state"], mean["steps"][0]["met"], mean["compared"]["value"]) == ("pending", True, 88)


def test_a_rule_that_looks_at_other_devices() -> None:
    bed = Bed(MEAN)
    bed.observe(0, {"spo2": 80}, device_type="multiparameter_monitor")
    monitor = ("multiparameter_monitor", pb.SIGN_SPO2, 80.0, T0_US)
    mean = bed.rule("mean", [monitor])
    assert (mean["state"], mean["excluded_by"]) == ("not_applicable", "device_types")
    assert rule_text(mean) == "it only looks at what a pulse oximeter sends, and none was heard"
    bed.observe(9, {"spo2": 95}, device_type="pulse_oximeter")
    bed.observe(10, {"spo2": 80}, device_type="multiparameter_monitor")
    mean = bed.rule("mean", [monitor, ("pulse_oximeter", pb.SIGN_SPO2, 95.0, T0_US + 9 * SECOND)])
    assert (mean["state"], mean["compared"]["value"]) == ("clear", 95)
    assert [(one["value"], one["age_us"]) for one in mean["inputs"]] == [(95, SECOND)]
    assert bed.rule("mean", [("", pb.SIGN_PULSE_RATE, 60.0, T0_US)])["state"] == "no_data", "of an unknown type"


def test_the_models_score_beside_the_limit_and_none_is_not_a_low_one() -> None:
    bed = Bed(KINDS)
    bed.observe(0, {"heart_rate": 80})
    scored = bed.rule("model", risk=0.31)
    assert (scored["state"], scored["steps"][0]["met"]) == ("clear", False)
    assert rule_text(scored) == "the model's score 0.31; MEDIUM not met: the model's score at or above 0.8"
    assert bed.rule("model", risk=0.8)["steps"][0]["met"] is True
    unknown = bed.rule("model", anomaly=0.2)
    assert (unknown["state"], unknown["steps"][0]["met"]) == ("no_score", None)
    text = "the model gave no score for it, which is not a low one; MEDIUM the model's score at or above 0.8"
    assert rule_text(unknown) == text
    assert "Not known: no score" in standing_lines(bed.standing(), [])
