"""A device that falls silent, with the real engine, an injected clock and a log with a round trip of its own.

The alarm comes within the rule's time, one tick of the watchdog and the log's round trip; once, and it ends once.
"""

from dataclasses import dataclass, field

import pytest

from services.rules_engine.watchdog import Watchdog
from tests.unit.core.engine import RULES, enriched
from tests.unit.core.events import T0, batch
from vigil import core
from vigil.bus.port import AckCallback, Record
from vigil.controls import ControlRecord
from vigil.pb import events_pb2 as pb

MS, SECOND = 1000, 1_000_000
TICK_MS, SILENT_S, LOOP_MS = 500, 5, 20
SILENCE = f"""
[[rule]]
id = "silence"
kind = "missing"
device = true
silent_after_s = {SILENT_S}
priority = "low"
message = "The device is silent"
"""
IMPATIENT = RULES[: RULES.index(SILENCE.partition("kind")[0])] + SILENCE


@dataclass
class Ward:
    """One partition: what is appended is read a round trip later; time passes in steps of the stage's loop."""

    round_trip_us: int = 0
    now_us: int = T0
    log: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    read: int = 0
    sent: int = 0
    alerts: list[tuple[int, pb.AlertEvent]] = field(default_factory=list)
    ticks: int = 0

    def __post_init__(self) -> None:
        self.start(None)

    def start(self, checkpoint: bytes | None) -> None:
        """A process over the partition, from its start or from a checkpoint."""
        self.engine = core.Engine(IMPATIENT)
        self.dog = Watchdog(self.engine.due_us, self._append, TICK_MS, "test", lambda: self.now_us)
        self.dog.assigned([0])
        self.engine.assign(0)
        if checkpoint is not None:
            self.read = self.engine.restore(0, [checkpoint])

    def _append(self, record: ControlRecord, on_ack: AckCallback) -> None:
        self.ticks += 1
        self.log.append((self.now_us, record.key, record.value))
        on_ack(None)

    def observe(self) -> None:
        """The device says something, now."""
        self.sent += 1
        made = enriched(self.sent, (self.now_us - T0) / SECOND, [("heart_rate", 70, 0), ("spo2", 97, 0)])
        made.header.ingest_time_us = self.now_us
        self.log.append((self.now_us, b"", batch([made])))

    def pass_(self, ms: int) -> None:
        """The stage polls, evaluates what there is, and looks at the clock."""
        for _ in range(ms // LOOP_MS):
            self.now_us += LOOP_MS * MS
            records = []
            while self.read < len(self.log) and self.log[self.read][0] + self.round_trip_us <= self.now_us:
                _, key, value = self.log[self.read]
                records.append(Record("telemetry.enriched", 0, self.read, key, value, 0))
                self.read += 1
            if records:
                self.dog.seen(0, records)
                offsets, values = [r.offset for r in records], [r.value for r in records]
                pending = self.engine.begin("telemetry.enriched", 0, offsets, values, self.now_us)
                made = self.engine.finish(pending, None, "", self.now_us)
                self.alerts += [(self.now_us, pb.AlertEvent.FromString(value)) for _, _, value in made.alerts]
            self.dog.look()

    def silent(self) -> list[tuple[int, int]]:
        """When, and which phase, of the alarms about silence."""
        return [(at, alert.phase) for at, alert in self.alerts if alert.alert_type == "device_silent"]


@pytest.mark.parametrize("round_trip_ms", [0, 40, 700])
@pytest.mark.parametrize("phase_ms", range(0, 1000, 140))
def test_silence_is_said_in_time_once_and_ends_once(round_trip_ms: int, phase_ms: int) -> None:
    ward = Ward(round_trip_ms * MS)
    for _ in range(3):
        ward.observe()
        ward.pass_(1000)
    ward.pass_(phase_ms // LOOP_MS * LOOP_MS)
    ward.observe()
    last = ward.now_us
    ward.pass_(60_000)
    ((at, phase),) = ward.silent()
    assert phase == pb.ALERT_PHASE_START
    due = last + SILENT_S * SECOND
    assert due <= at <= due + (TICK_MS + round_trip_ms + 2 * LOOP_MS) * MS
    assert ward.ticks <= 2, "an idle partition is left in peace"  # a due time may be too early, once
    ward.observe()
    ward.pass_(1000)
    assert [phase for _, phase in ward.silent()] == [pb.ALERT_PHASE_START, pb.ALERT_PHASE_END]


@pytest.mark.parametrize("lost", [False, True], ids=["checkpointed after", "checkpointed before"])
def test_a_restart_raises_nothing_twice(lost: bool) -> None:
    """The process dies while the device is silent; what was read since the checkpoint is read again: the same ids."""
    ward = Ward()
    for _ in range(3):
        ward.observe()
        ward.pass_(1000)
    before = ward.engine.checkpoint(0, ward.read, True)
    ward.pass_(20_000)
    after = ward.engine.checkpoint(0, ward.read, True)
    ward.start(before if lost else after)
    ward.pass_(20_000)
    ward.observe()
    ward.pass_(2_000)
    ids = {alert.header.event_id: alert.phase for _, alert in ward.alerts if alert.alert_type == "device_silent"}
    assert sorted(ids.values()) == [pb.ALERT_PHASE_START, pb.ALERT_PHASE_END]
