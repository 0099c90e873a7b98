"""Checkpoints through the binding: a crash after any record changes nothing that comes out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.engine import RULES, Run, enriched
from vigil import core

VALUE = st.tuples(
    st.sampled_from(["heart_rate", "pulse_rate", "spo2", "systolic"]),
    st.sampled_from([0.0, 38.0, 70.0, 86.0, 95.0, 125.0, 155.0]),
    st.sampled_from([0, 0, 0, 0, 1, 16]),
)
STEP = st.tuples(
    st.sampled_from([-3, 0, 1, 4, 11, 90]),
    st.sampled_from([("p1", "d1"), ("p1", "d2"), ("p2", "d3"), ("", "d4")]),
    st.lists(VALUE, max_size=4, unique_by=lambda value: value[0]),
)


def test_a_checkpoint_of_nothing_restores_nothing():
    engine = core.Engine(RULES)
    engine.assign(2)
    assert core.Engine(RULES).restore(2, [engine.checkpoint(2, 17, True)]) == 17


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, min_size=2, max_size=25), st.data())
def test_a_crash_after_any_record_changes_nothing(steps, data):
    second, records = 0.0, []
    for n, (wait, (patient, device), values) in enumerate(steps):
        second += wait
        records.append([enriched(n, second, values, patient=patient, device=device)])
    whole = Run()
    for record in records:
        whole.feed(record)
    crash_at = data.draw(st.integers(1, len(records)))
    snapshot_at = data.draw(st.integers(0, crash_at))
    delta_at = data.draw(st.integers(snapshot_at, crash_at))
    before, segments = Run(), []
    for at in range(crash_at + 1):
        if at == snapshot_at:
            segments.append(before.engine.checkpoint(0, at, True))
        if at == delta_at:
            segments.append(before.engine.checkpoint(0, at, False))
        if at < crash_at:
            before.feed(records[at])
    after = Run()
    after.offset = after.engine.restore(0, segments)
    assert after.offset == delta_at
    for record in records[delta_at:]:
        after.feed(record)
    scored = len(before.scored[:delta_at])
    assert before.scored == whole.scored[:crash_at]
    assert after.scored == whole.scored[scored:]
    ids = [a.header.event_id for a in whole.alerts]
    assert [a.header.event_id for a in before.alerts] == ids[: len(before.alerts)]
    assert after.alerts == whole.alerts[len(ids) - len(after.alerts) :]
    assert {a.header.event_id for a in (*before.alerts, *after.alerts)} == set(ids)


def test_damage_is_refused_and_the_state_stays():
    run = Run()
    run.feed([enriched(0, 0, [("heart_rate", 72, 0)])])
    segment = run.engine.checkpoint(0, 1, True)
    for broken in ([], [b""], [segment[:-1]], [segment[:9] + b"\x00" + segment[10:]], [b"x" * 40]):
        with pytest.raises(core.CoreError) as refused:
            run.engine.restore(0, broken)
        assert refused.value.args[0] == "invalid_checkpoint"
    assert run.engine.patients(0) == 1


def test_a_delta_holds_only_what_changed():
    run = Run()
    run.feed([enriched(n, 0, [("heart_rate", 72, 0)], patient=f"p{n}", device=f"d{n}") for n in range(100)])
    whole = run.engine.checkpoint(0, 1, True)
    run.feed([enriched(200, 1, [("heart_rate", 73, 0)], patient="p7", device="d7")])
    delta = run.engine.checkpoint(0, 2, False)
    assert len(delta) < len(whole) / 50
    assert run.engine.checkpoint(0, 2, False) != delta
