"""What the alarm path needs goes away while it runs: alarms are raised all the same, and what is unknown is said."""

import json
import threading
from collections import Counter

import pytest

from tests.support import events
from tests.support.bedside import Bedside
from tests.support.platform import Platform, eventually
from vigil.pb import events_pb2 as pb

pytestmark = pytest.mark.slow


def test_a_model_outage_never_reads_as_score_zero(platform: Platform) -> None:
    bed = Bedside(platform)
    bed.send(hr=80, spo2=97)
    assert bed.scored(1)[0].scores.HasField("risk")
    platform.kill("anomaly-service")
    bed.send(hr=0, spo2=97)
    assert bed.alert("asystole").priority == pb.PRIORITY_HIGH
    unscored = bed.scored(2)[1].scores
    assert unscored.flags & pb.OBSERVATION_FLAG_SCORE_UNAVAILABLE
    assert not unscored.HasField("risk")
    assert not unscored.HasField("anomaly")
    platform.spawn("anomaly-service")
    platform.wait_ready("anomaly-service")

    def scored_again() -> bool:
        bed.send(hr=80, spo2=97)
        return bed.seen()[-1].scores.HasField("risk")

    eventually("scores come again", scored_again, 20, 0.2)


def test_killing_the_model_loses_nothing_and_is_one_alarm(platform: Platform) -> None:
    """In the middle of a run: no observation lost, no alarm missed, one technical alarm that is cleared once."""
    beds = [Bedside(platform) for _ in range(4)]
    # Of one sender only: of two, the asystole may come behind a later heart beat, and would be late.
    dying = Bedside(platform)
    sent: list[str] = []
    stop = threading.Event()

    def keep_sending() -> None:
        while not stop.wait(0.05):
            sent.extend(bed.send(hr=80, spo2=97) for bed in beds)

    def said() -> Counter[int]:
        kind = "anomaly_service_unavailable"
        return Counter({a.header.event_id: a.phase for a in events.alerts(platform) if a.alert_type == kind}.values())

    running = threading.Thread(target=keep_sending)
    running.start()
    try:
        eventually("scores", lambda: beds[0].seen()[-1].scores.HasField("risk"), 30)
        eventually("no outage is under way", lambda: said()[pb.ALERT_PHASE_START] == said()[pb.ALERT_PHASE_END], 30)
        before = said()
        platform.kill("anomaly-service")
        sent.append(dying.send(hr=0, spo2=97))
        assert dying.alert("asystole").priority == pb.PRIORITY_HIGH
        eventually("the outage is an alarm", lambda: said()[pb.ALERT_PHASE_START] > before[pb.ALERT_PHASE_START], 30)
        platform.spawn("anomaly-service")
        platform.wait_ready("anomaly-service")
        eventually("the recovery ends it", lambda: said()[pb.ALERT_PHASE_END] > before[pb.ALERT_PHASE_END], 30)
        eventually("scores again", lambda: beds[1].seen()[-1].scores.HasField("risk"), 20, 0.2)
    finally:
        stop.set()
        running.join(30)
        if platform.processes["anomaly-service"].poll() is not None:
            platform.spawn("anomaly-service")
    platform.settled()
    assert said() - before == Counter({pb.ALERT_PHASE_START: 1, pb.ALERT_PHASE_END: 1})
    scored = sum(len({o.header.event_id for o in bed.seen()}) for bed in (*beds, dying))
    assert scored == len(sent), "with a score or without, every observation went on"
    audited = platform.cli("audit", "--json", "--wait", "30")
    assert json.loads(audited.stdout)["difference"] == 0, audited.stdout


def test_without_the_registry_observations_go_on_marked_and_alarm(platform: Platform) -> None:
    """Enrichment starts, and runs, without the registry; who was known at the gateway is heard."""
    known, forgotten = Bedside(platform), Bedside(platform)
    for bed in (known, forgotten):
        bed.send(hr=80)
        bed.scored(1)
    platform.stop("registry")
    try:
        known.send(spo2=70)
        assert known.alert("spo2_low").header.patient_id == known.patient
        platform.kill("telemetry-enrichment")
        platform.env["START_TIMEOUT_S"] = "1"
        platform.spawn("telemetry-enrichment")
        forgotten.send(hr=0)
        assert forgotten.alert("asystole").priority == pb.PRIORITY_HIGH
        assert forgotten.scored(2)[-1].flags & pb.OBSERVATION_FLAG_CONTEXT_UNAVAILABLE
    finally:
        del platform.env["START_TIMEOUT_S"]
        platform.spawn("registry")
        platform.wait_ready("registry")

    def known_again() -> bool:
        forgotten.send(hr=80)
        return forgotten.seen()[-1].header.patient_id == forgotten.patient

    eventually("the context is there again", known_again, 20, 0.2)
