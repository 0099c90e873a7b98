"""The engine beside the oracle: what the log holds is given to both, what they say is compared."""

import random
import struct
import tomllib
from collections.abc import Iterable, Mapping
from math import nan
from typing import Any

from tests.oracles.alarms import Alert, Control, Log, Observation
from tests.oracles.rules import Moment
from tests.unit.core.engine import ADULT, QUIET, SECOND, Run, enriched
from tests.unit.core.events import T0, batch
from vigil import controls, core
from vigil.pb import events_pb2 as pb

COLUMNS = core.score_names()


class Versus:
    """One partition. What is given waits until it is `cut` into records and batches."""

    def __init__(self, rules: str, limits: dict[tuple[str, str], float] | None = None) -> None:
        self.rules, self.limits = rules, limits or {}
        self.run, self.log = Run(core.Engine(rules)), Log(tomllib.loads(rules), limits)
        self.now, self.sent = 0.0, 0
        self.waiting: list[bytes] = []
        self.answers: list[list[float]] = []
        self.away = False
        self.expected: list[Alert] = []
        self.said: list[Alert] = []  # by both, up to the last cut
        self.segments: list[bytes] = []

    # What stands in the log ---------------------------------------------------------------------------

    def observe(
        self,
        device: str,
        patient: str,
        second: float,
        values: Iterable[tuple[str, float, int]],
        *,
        n: int | None = None,
        received: float | None = None,
        context: Mapping[str, Any] = ADULT,
        device_type: str = "",
        scores: Mapping[str, float] | None = None,
    ) -> None:
        """The n-th observation (the next), made at `second` and received now, or before a tick that overtook it.

        `scores` is the model's answer by column: of those that it does not name the model cannot score the row; left
        out, it says `QUIET` to everything.
        """
        received = self.now if received is None else received
        values, number = list(values), self.sent if n is None else n
        self.sent += 1
        limits = self.limits if patient else {}
        known = {"patient_id": patient, **context} if patient else {}
        made = enriched(
            number,
            second,
            values,
            patient=patient,
            device=device,
            limits=limits,
            context=context,
            device_type=device_type,
        )
        made.header.ingest_time_us = T0 + round(received * SECOND)
        made.header.process_time_us = made.header.ingest_time_us + 20
        self.waiting.append(batch([made]))
        answer = dict.fromkeys(COLUMNS, QUIET) if scores is None else dict(scores)
        moment = Moment(known, device_type, {} if self.away else answer)
        rows = self.log.rows
        self.expected += self.log.observe(
            Observation(made.header.event_id, device, patient, second, received, values, moment)
        )
        if self.log.rows > rows:
            self.answers.append([answer.get(column, nan) for column in COLUMNS])

    def model(self, away: bool) -> None:
        """The model answers no more, or again."""
        self.cut()
        self.away = away

    def _answer(self, rows: int) -> bytes:
        taken, self.answers = self.answers[:rows], self.answers[rows:]
        assert len(taken) == rows
        return b"".join(struct.pack(f"<{len(COLUMNS)}f", *row) for row in taken)

    def tick(self) -> None:
        """The clock says what time it is. The engine must have asked for it when it changes something."""
        self.cut()
        record = controls.tick(0, T0 + round(self.now * SECOND))
        due = self.run.engine.due_us(0)
        alerts = self.log.control(Control(record.event_id, "TICK", self.now))
        assert not alerts or (due is not None and due <= T0 + round(self.now * SECOND)), (due, alerts)
        self.expected += alerts
        self.waiting.append(record.value)
        self.cut()
        due = self.run.engine.due_us(0)
        assert due is None or due > T0 + round(self.now * SECOND), "it would tick for ever"

    def control(self, action: Any, **said: Any) -> None:
        """A control, now. `until` is in seconds."""
        until = said.pop("until", 0)
        moment = T0 + round(self.now * SECOND)
        made = controls.control(action, time_us=moment, until_us=T0 + round(until * SECOND) if until else 0, **said)
        for old, new in (
            ("patient_id", "patient"),
            ("device_id", "device"),
            ("rule_id", "rule"),
            ("episode_id", "episode"),
        ):
            said[new] = said.pop(old, b"" if new == "episode" else "")
        self.waiting.append(pb.TelemetryBatch(controls=[made]).SerializeToString())
        self.expected += self.log.control(Control(made.event_id, action.upper(), self.now, until=until, **said))
        self.last_control = (action, said, until, made)

    def repeat_control(self) -> None:
        """The last control again, with the same id."""
        action, said, until, made = self.last_control
        self.waiting.append(pb.TelemetryBatch(controls=[made]).SerializeToString())
        moment = (made.time_us - T0) / SECOND
        self.expected += self.log.control(Control(made.event_id, action.upper(), moment, until=until, **said))

    # How it is read -----------------------------------------------------------------------------------

    def cut(self, seed: int = 0) -> None:
        """The engine reads what waits, in records and batches cut at random; then both have said the same."""
        dice = random.Random(seed)
        while self.waiting:
            records = []
            for _ in range(dice.randint(1, 3)):
                size = dice.randint(1, 4)
                if self.waiting:
                    records.append(b"".join(self.waiting[:size]))  # repeated fields: bytes joined are lists joined
                    del self.waiting[:size]
            self.run.feed_values(records, model=None if self.away else "m1", answer=self._answer)
        said, expected = [seen(alert) for alert in self.run.alerts], self.expected
        self.said += said
        self.run.alerts, self.expected = [], []
        assert said == expected, difference(said, expected)

    def checkpoint(self, full: bool) -> None:
        """Writes a checkpoint; the first is a full one."""
        self.cut()
        full = full or not self.segments
        made = self.run.engine.checkpoint(0, self.run.offset, full)
        self.segments = [made] if full else [*self.segments, made]

    def restore(self) -> None:
        """Another engine goes on where this one is."""
        self.checkpoint(full=False)
        self.run.engine = core.Engine(self.rules)
        assert self.run.engine.restore(0, self.segments) == self.run.offset

    def reload(self) -> None:
        """The same rules again."""
        self.cut()
        self.run.engine.reload(self.rules)


def seen(alert: pb.AlertEvent) -> Alert:
    """An alert of the engine in the words of the oracle."""

    def name(enum: Any, value: int) -> str:
        return (
            str(enum.Name(value).split("_", 2)[2]) if enum is not pb.Priority else str(enum.Name(value).split("_")[1])
        )

    return Alert(
        second=(alert.header.event_time_us - T0) / SECOND,
        subject=alert.header.patient_id or f"device:{alert.header.device_id}",
        device=alert.header.device_id,
        rule=alert.rule_id,
        phase=name(pb.AlertPhase, alert.phase),
        cause=name(pb.AlertCause, alert.cause),
        presence=name(pb.AlarmPresence, alert.presence),
        activation=name(pb.AlarmActivation, alert.activation),
        priority=name(pb.Priority, alert.priority).lower(),
        severity=alert.severity,
        level=alert.escalation_level,
        to=alert.escalate_to,
        stale=alert.condition.stale,
        suppressed_by=alert.suppressed_by,
        actor=alert.actor,
        reason=alert.reason,
        until=(alert.until_us - T0) / SECOND if alert.until_us else 0,
        episode=alert.episode_id,
        event_id=alert.header.event_id,
    )


def difference(said: list[Alert], expected: list[Alert]) -> str:
    """What the engine and the oracle say otherwise first, and everything said since they were compared last."""
    at = next((n for n, (one, other) in enumerate(zip(said, expected, strict=False)) if one != other), None)
    lines = []
    if at is not None:
        pairs = zip(Alert._fields, said[at], expected[at], strict=True)
        lines = [f"{at}: {key} is {one}, not {other}" for key, one, other in pairs if one != other]
    for who, alerts in (("engine", said), ("oracle", expected)):
        lines += [who, *("  " + " ".join(str(part) for part in alert[:-2]) for alert in alerts)]
    return "\n".join(lines)
