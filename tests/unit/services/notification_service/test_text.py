"""What people read: one clear sentence, no names, nothing forged."""

from services.notification_service.text import alarm_text, clean, digest_text
from tests.unit.services.notification_service.alerts import T0, alert
from vigil.pb import events_pb2 as pb


def test_an_alarm_says_sign_value_unit_limit_time_and_place():
    text = alarm_text(alert(), "alarm")
    assert text.title == "HIGH: heart rate 182 /min above limit 150 /min, bed C3-04, ward C3"
    assert text.body == (
        text.title + ". Observed 2026-01-01 09:00:00 UTC, for 10 s. Patient patient-7, device monitor-12."
    )


def test_the_limit_says_whose_it_is():
    made = alert()
    made.condition.evidence[0].limit_source = "patient"
    assert "above the patient's limit 150 /min" in alarm_text(made, "alarm").title


def test_units_as_people_write_them():
    made = alert(priority="MEDIUM")
    del made.condition.evidence[:]
    made.condition.evidence.add(sign=pb.SIGN_SPO2, value=84.0, limit=85.0, comparison="<=")
    made.condition.evidence.add(sign=pb.SIGN_TEMPERATURE, value=39.4, limit=39.0, comparison=">=")
    made.condition.evidence.add(sign=pb.SIGN_SYSTOLIC, value=79.0, limit=90.0, comparison="<")
    made.condition.evidence.add(sign=pb.SIGN_CONSCIOUSNESS, value=1.0)
    title = alarm_text(made, "alarm").title
    assert title.startswith(
        "MEDIUM: SpO2 84% at or below limit 85%; temperature 39.4 °C at or above limit 39 °C; "
        "systolic pressure 79 mmHg below limit 90 mmHg; consciousness C, "
    )


def test_a_mean_a_trend_and_a_score_of_the_model_are_said_to_be_one():
    made = alert(priority="MEDIUM")
    del made.condition.evidence[:]
    made.condition.evidence.add(sign=pb.SIGN_SPO2, value=84.0, limit=85.0, comparison="<", window_us=30_000_000)
    made.condition.evidence.add(
        sign=pb.SIGN_SYSTOLIC, value=80.0, limit=90.0, comparison="<", window_us=180_000_000, reference=120.0
    )
    made.condition.evidence.add(about="risk", value=0.1234, limit=0.1, comparison=">=")
    made.condition.evidence.add(about="anomaly_spo2", value=0.99, limit=0.95, comparison=">=")
    assert alarm_text(made, "alarm").title.startswith(
        "MEDIUM: mean of SpO2 over 30 s 84% below limit 85%; "
        "systolic pressure 80 mmHg below limit 90 mmHg (40 mmHg down from 120 mmHg within 3 min); "
        "model's risk of deterioration 0.1234 at or above limit 0.1; "
        "model's anomaly score of SpO2 0.99 at or above limit 0.95, "
    )


def test_escalation_critical_and_resolution():
    made = alert("UPDATE", severity=pb.SEVERITY_CRITICAL)
    assert alarm_text(made, "escalation").title.startswith("ESCALATED to HIGH, critical: heart rate 182 /min")
    end = alarm_text(alert("END", at_s=90), "resolved")
    assert end.title == "RESOLVED: heart rate high, bed C3-04, ward C3"
    assert "Ended 2026-01-01 09:01:30 UTC, raised 2026-01-01 09:00:00 UTC" in end.body


def test_a_score_rule_says_the_score_and_that_it_is_partial():
    made = alert()
    made.condition.early_warning.CopyFrom(pb.EarlyWarning(name="news2", total=9, partial=True, risk="high"))
    assert alarm_text(made, "alarm").title.startswith("HIGH: NEWS2 9 (partial: inputs missing), high risk; heart rate")


def test_a_technical_alarm_and_a_missing_signal():
    made = alert(priority="LOW", kind=pb.ALERT_KIND_TECHNICAL, message="SpO2 probe off")
    del made.condition.evidence[:]
    made.condition.stale = True
    text = alarm_text(made, "alarm")
    assert text.title == "LOW: technical alarm: SpO2 probe off, bed C3-04, ward C3"
    assert "The signal is missing now; the alarm holds." in text.body


def test_an_orphan_is_named_by_its_device():
    made = alert(patient="")
    made.ClearField("context")
    text = alarm_text(made, "alarm")
    assert text.title.endswith("place unknown")
    assert text.body.endswith("Device monitor-12, no patient linked.")


def test_text_from_outside_cannot_forge_lines_or_headers():
    made = alert(kind=pb.ALERT_KIND_TECHNICAL, message="off\r\nBcc: everybody@example.org\u2028x\x00")
    made.context.bed = "4\nSubject: no"
    text = alarm_text(made, "alarm")
    assert "\n" not in text.title + text.body
    assert "\r" not in text.title
    assert "bed 4 Subject: no" in text.title
    assert len(clean("x" * 10_000)) == 300


def test_a_digest_lists_what_it_speaks_for():
    text = digest_text("bed C3-04", ["LOW: a", "MEDIUM: b"], pb.PRIORITY_MEDIUM)
    assert text.title == "MEDIUM: 2 grouped notifications, bed C3-04"
    assert text.body.splitlines()[1:] == ["- LOW: a", "- MEDIUM: b"]
    assert len(digest_text("x", ["t"] * 1000, 1).body.splitlines()) == 202


def test_unknown_times_say_so():
    made = alert("END")
    made.condition.ClearField("raised_time_us")
    made.condition.onset_time_us = 0
    assert "raised at an unknown time" in alarm_text(made, "resolved").body
    assert T0
