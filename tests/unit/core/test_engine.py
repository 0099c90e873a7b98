"""The engine through its binding: what the pipeline relies on, and the clinical regressions."""

import struct

import pytest

from tests.oracles.ids import derive_stage
from tests.unit.core.engine import RULES, SECOND, Run, enriched
from tests.unit.core.events import T0, batch
from vigil import core
from vigil.pb import events_pb2 as pb

START, UPDATE, END = pb.ALERT_PHASE_START, pb.ALERT_PHASE_UPDATE, pb.ALERT_PHASE_END


def heart_rates(*rates: float, **about) -> list[pb.Observation]:
    return [enriched(n, n, [("heart_rate", rate, 0)], **about) for n, rate in enumerate(rates)]


def test_an_asystole_raises_high():
    run = Run()
    run.feed(heart_rates(72, 0))
    alert = run.alerts[0]
    assert (alert.alert_type, alert.phase, alert.priority) == ("asystole", START, pb.PRIORITY_HIGH)
    assert alert.severity == pb.SEVERITY_CRITICAL
    assert run.types() == [("asystole", START)], "one condition, one alarm"


def test_zero_from_a_disconnected_sensor_is_not_asystole():
    run = Run()
    run.feed([enriched(0, 0, [("heart_rate", 0, pb.QUALITY_DISCONNECTED)])])
    assert run.types() == [("heart_rate_missing", START)]
    assert run.alerts[0].kind == pb.ALERT_KIND_TECHNICAL


def test_per_patient_thresholds_are_used():
    run = Run()
    run.feed([enriched(0, 0, [("spo2", 89, 0)], limits={("spo2", "low"): 86.0})])
    assert run.types() == []
    run.feed([enriched(1, 1, [("spo2", 87, 0)], patient="p2", device="d2", limits={("spo2", "critical_low"): 88.0})])
    assert run.types() == [("spo2_low", START)]
    evidence = run.alerts[-2].condition.evidence[0] if run.alerts[-1].alert_type == "news2" else None
    assert evidence is not None
    assert (evidence.limit, evidence.limit_source, evidence.comparison) == (88.0, "patient", "<")


def test_the_alternate_sign_is_named_and_has_the_patients_limits():
    run = Run()
    run.feed([enriched(0, 0, [("art_systolic", 97, 0)], limits={("systolic", "low"): 100.0})])
    evidence = run.alerts[0].condition.evidence[0]
    assert run.types() == [("systolic_low", START)]
    assert (evidence.sign, evidence.limit) == (pb.SIGN_ART_SYSTOLIC, 100.0)


def test_an_unlinked_device_is_an_orphan_and_its_critical_values_still_alarm():
    run = Run()
    run.feed(heart_rates(0, patient="", device="d9"))
    alert = run.alerts[0]
    assert (run.keys[0], alert.header.patient_id, alert.header.device_id) == (b"d9", "", "d9")
    assert alert.flags & pb.OBSERVATION_FLAG_ORPHAN
    assert alert.alert_type == "asystole"


def test_a_model_outage_never_reads_as_score_0():
    run = Run()
    run.feed(heart_rates(72), model=None)
    scores = run.scored[0].scores
    assert not scores.HasField("risk")
    assert not scores.HasField("anomaly")
    assert scores.flags == pb.OBSERVATION_FLAG_SCORE_UNAVAILABLE
    assert scores.model_version == ""
    assert not scores.anomaly_values


def test_not_scorable_is_missing_and_marked():
    engine = core.Engine(RULES)
    pending = engine.begin("t", 0, [1], [batch(heart_rates(72))], T0)
    nothing = struct.pack(f"<{len(core.score_names())}f", *[float("nan")] * len(core.score_names()))
    made = engine.finish(pending, nothing, "m1", T0)
    scores = pb.TelemetryBatch.FromString(made.scored[0][2]).observations[0].scores
    assert not scores.HasField("risk")
    assert scores.flags == pb.OBSERVATION_FLAG_NOT_SCORABLE
    assert dict(made.counts)["not_scorable"] == 1


def test_one_episode_is_one_alarm_and_a_gap_is_not_recovery():
    run = Run()
    run.feed([enriched(0, 0, [("spo2", 97, 0)]), enriched(1, 1, [("spo2", 80, 0)])])
    run.feed([enriched(2, 2, [("heart_rate", 70, 0)]), enriched(3, 7200, [("spo2", 79, 0)])])
    run.feed([enriched(4, 7201, [("spo2", 99, pb.QUALITY_IMPLAUSIBLE)])])
    assert run.types() == [("spo2_low", START)]
    run.feed([enriched(5, 7202, [("spo2", 99, 0)])])
    assert run.types() == [("spo2_low", START), ("spo2_low", END)]
    first, *_, last = [a for a in run.alerts if a.alert_type == "spo2_low"]
    assert first.episode_id == last.episode_id
    assert first.header.event_id != last.header.event_id


def test_a_scored_observation_keeps_what_it_was_made_of():
    run = Run()
    source = enriched(0, 0, [("heart_rate", 72, 0), ("spo2", 97, pb.QUALITY_CONVERTED)])
    source.flags = pb.OBSERVATION_FLAG_CLOCK_SKEW
    run.offset = 41
    run.feed([source])
    scored = run.scored[0]
    assert scored.header.event_id == derive_stage(source.header.event_id, "rules-engine")
    assert scored.header.source_event_id == source.header.event_id
    assert scored.header.event_type == pb.EVENT_TYPE_TELEMETRY_SCORED
    assert (scored.header.trace_id, scored.header.patient_id) == (source.header.trace_id, "p1")
    assert (scored.vitals, scored.context, scored.flags) == (source.vitals, source.context, source.flags)
    scores = scored.scores
    assert (scores.risk, scores.anomaly, scores.model_version) == (pytest.approx(0.03), pytest.approx(0.03), "m1")
    assert len(scores.anomaly_signs) == len(scores.anomaly_values) == 7
    assert (scores.rule_set_version, scores.source_offset) == (run.engine.rule_set_version, 41)
    assert scores.severity == pb.SEVERITY_UNSPECIFIED


def test_severity_is_that_of_the_worst_active_alarm():
    run = Run()
    run.feed(heart_rates(72, 0, 72))
    assert [o.scores.severity for o in run.scored][1] == pb.SEVERITY_CRITICAL


def test_duplicates_and_late_observations_are_kept_and_change_nothing():
    run = Run()
    first = heart_rates(72, 73, 0)
    made = run.feed([first[0], first[1], first[1], enriched(9, 0.5, [("heart_rate", 0, 0)])])
    assert [o.scores.flags for o in run.scored] == [0, 0, pb.OBSERVATION_FLAG_DUPLICATE, pb.OBSERVATION_FLAG_LATE]
    assert dict(made.counts) == {"duplicate": 1, "late": 1}
    assert run.types() == []
    assert len(run.rows) == 2


def test_a_clock_in_the_future_does_not_make_what_follows_late():
    run = Run()
    ahead = enriched(0, 0, [("heart_rate", 72, 0)])
    ahead.header.event_time_us += 3600 * SECOND
    run.feed([ahead, enriched(1, 1, [("heart_rate", 0, 0)])])
    assert run.types() == [("asystole", START)]


def test_a_wrong_answer_of_the_model_is_refused_and_can_be_done_without():
    engine = core.Engine(RULES)
    pending = engine.begin("t", 0, [1], [batch(heart_rates(0))], T0)
    with pytest.raises(core.CoreError) as refused:
        engine.finish(pending, b"1234", "m1", T0)
    assert refused.value.args[0] == "invalid_scores"
    alerts = [pb.AlertEvent.FromString(value) for _, _, value in engine.finish(pending, None, "", T0).alerts]
    assert [a.alert_type for a in alerts] == ["asystole", "heart_rate_low", "news2"]
    assert alerts[1].phase == pb.ALERT_PHASE_SUPPRESSED
    with pytest.raises(core.CoreError) as refused:
        engine.finish(pending, None, "", T0)
    assert refused.value.args[0] == "out_of_order"


def test_what_cannot_be_read_is_a_dead_letter():
    engine = core.Engine(RULES)
    pending = engine.begin("telemetry.enriched", 3, [7, 8], [b"\xff", batch(heart_rates(72))], T0)
    made = engine.finish(pending, None, "", T0)
    index, observations, value = made.dead_letters[0]
    letter = pb.DeadLetter.FromString(value)
    assert (index, observations, letter.original, letter.offset) == (0, 0, b"\xff", 7)
    assert (letter.stage, letter.partition, letter.error_code) == ("rules-engine", 3, "malformed_protobuf")
    assert made.observations_out == 1


def test_a_wrong_rule_file_is_refused_and_the_old_one_stays():
    engine = core.Engine(RULES)
    version = engine.rule_set_version
    with pytest.raises(core.CoreError) as refused:
        engine.reload(RULES.replace('sign = "spo2"', 'sign = "spo3"', 1))
    code, field, message = refused.value.args
    assert code == "invalid_rule"
    assert field.endswith(".sign")
    assert "spo3" in message
    assert engine.rule_set_version == version
    engine.reload(RULES + "\n# a remark\n")
    assert engine.rule_set_version == version


def test_state_is_per_partition_and_counted():
    run = Run()
    run.feed(heart_rates(72), heart_rates(72, patient="p2"))
    assert run.engine.patients(0) == 2
    assert run.engine.patients(1) == 0
    assert run.engine.state_bytes() > 1000
    run.engine.drop(0)
    assert run.engine.patients(0) == 0


def test_news2_does_not_apply_to_children_and_in_pregnancy():
    run = Run()
    child, pregnant = heart_rates(140)[0], enriched(1, 0, [("heart_rate", 140, 0)], patient="p2", device="d2")
    child.context.age_years, pregnant.context.pregnant = 15, True
    run.feed([child, pregnant])
    assert {o.scores.early_warnings[0].risk for o in run.scored} == {"not_applicable"}
    assert all(a.alert_type != "news2" for a in run.alerts)
