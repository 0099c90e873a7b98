"""What went wrong elsewhere, end to end: each by its name. More of the list stands beside the code it is about."""

import json
import time

from tests.conftest import unique
from tests.support.bedside import Bedside
from tests.support.platform import Platform, eventually
from vigil import topology
from vigil.pb import events_pb2 as pb


def test_an_asystole_raises_high(platform: Platform) -> None:
    bed, trace = Bedside(platform), unique("0" * 22)
    event_id = bed.send(hr=0, spo2=90, trace=trace)
    raised = bed.alert("asystole")
    assert (raised.priority, raised.phase, raised.kind) == (
        pb.PRIORITY_HIGH, pb.ALERT_PHASE_START, pb.ALERT_KIND_PHYSIOLOGICAL,
    )  # fmt: skip
    assert raised.header.patient_id == bed.patient
    assert raised.header.trace_id.hex() == trace, "one trace from the device to the alarm"
    normalized = bed.seen(topology.NORMALIZED)[0].header
    assert normalized.source_event_id.hex() == event_id
    assert {o.header.trace_id.hex() for topic in (topology.ENRICHED, topology.SCORED) for o in bed.seen(topic)} == {
        trace
    }


def test_a_fever_in_fahrenheit_raises(platform: Platform) -> None:
    bed, well = Bedside(platform), Bedside(platform)
    well.send(temp=98.6, units={"temp": "degF"})
    bed.send(temp=104.9, units={"temp": "degF"})
    raised = bed.alert("temperature_high")
    assert raised.condition.evidence[0].value == 40.5
    well.scored(1)
    assert not well.alerts("temperature_high")


def test_per_patient_thresholds_are_used_within_a_second(platform: Platform) -> None:
    bed = Bedside(platform)
    bed.send(spo2=92)
    bed.scored(1)
    bed.registry("/thresholds", {"patientId": bed.patient, "limits": {"spo2": {"criticalLow": 93}}})
    changed_us = time.time_ns() // 1000

    def raised() -> list[pb.AlertEvent]:
        bed.send(spo2=92)
        return bed.alerts("spo2_low")

    (first, *_) = eventually("the patient's own limit raises", raised, 20, 0.1)
    assert first.priority == pb.PRIORITY_HIGH
    assert first.condition.evidence[0].limit == 93
    assert first.header.ingest_time_us - changed_us < 1_000_000


def test_an_unlinked_device_is_an_orphan_and_its_critical_values_still_alarm(platform: Platform) -> None:
    bed = Bedside(platform, orphan=True)
    bed.send(hr=0)
    raised = bed.alert("asystole")
    assert raised.priority == pb.PRIORITY_HIGH
    assert raised.header.patient_id == ""
    (seen,) = bed.seen(topology.ENRICHED)
    assert seen.flags & pb.OBSERVATION_FLAG_ORPHAN


def test_a_new_link_counts_for_the_next_observation(platform: Platform) -> None:
    bed = Bedside(platform)
    bed.send(hr=80)
    assert bed.scored(1)[0].header.patient_id == bed.patient
    other = unique("patient-")
    bed.link(other)
    linked_us = time.time_ns() // 1000

    def moved() -> list[pb.Observation]:
        bed.send(hr=81)
        return [o for o in bed.seen() if o.header.patient_id == other]

    first = min(eventually("the device is on the other patient", moved, 20, 0.1), key=lambda o: o.header.ingest_time_us)
    assert first.header.ingest_time_us - linked_us < 1_000_000


def test_poison_on_the_log_is_a_dead_letter_and_no_difference(platform: Platform) -> None:
    bed, poison = Bedside(platform), b"\xff\xff" + unique("poison").encode()
    producer = platform.bus.producer()
    for partition in range(platform.settings.bus_partitions):
        producer.send(topology.RAW, partition, poison)
    producer.flush(10)
    producer.close()
    bed.send(hr=0)
    bed.alert("asystole")
    audit = platform.cli("audit", "--json", "--wait", "30")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    listed = platform.cli("dead-letter", "list", "--stage", "telemetry-normalizer", "--json")
    letters = [json.loads(line) for line in listed.stdout.splitlines()]
    mine = [one for one in letters if one["bytes"] == len(poison)]
    assert len(mine) >= platform.settings.bus_partitions
    assert {one["error_code"] for one in mine} == {"malformed_protobuf"}
