"""What the tests of the engine share: enriched observations and an engine that is fed with them."""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracles.ids import derive_stage
from tests.unit.core.events import T0, batch, observation
from vigil import core, paths
from vigil.pb import events_pb2

RULES = paths.RULES.read_text("utf-8")
SECOND = 1_000_000
QUIET = 0.03
ADULT: dict[str, Any] = {"age_years": 60, "sex": "female"}


def enriched(
    n: int,
    second: float,
    values: Iterable[tuple[str, float, int]],
    *,
    patient: str = "p1",
    device: str = "d1",
    limits: dict[tuple[str, str], float] | None = None,
    context: Mapping[str, Any] = ADULT,
    device_type: str = "",
) -> events_pb2.Observation:
    """The n-th observation, at `second`; `patient` "" is an orphan, of whom nothing is known.

    `limits` are by (sign, kind); `context` is what is known of a patient beside that.
    """
    made = observation(n, device, T0 + round(second * SECOND))
    made.header.source_event_id = made.header.event_id
    made.header.event_id = derive_stage(made.header.source_event_id, "telemetry-enrichment")
    made.header.event_type = events_pb2.EVENT_TYPE_TELEMETRY_ENRICHED
    made.vitals.Clear()
    made.vitals.device_type = device_type
    for sign, value, quality in values:
        made.vitals.signs.append(events_pb2.Sign.Value(f"SIGN_{sign.upper()}"))
        made.vitals.values.append(value)
        made.vitals.quality.append(quality)
    if patient:
        made.header.patient_id = patient
        made.context.patient_id = patient
        for name, known in context.items():
            if isinstance(known, list):
                getattr(made.context, name).extend(known)
            elif known is not None:
                setattr(made.context, name, known)
    else:
        made.flags |= events_pb2.OBSERVATION_FLAG_ORPHAN
    for (sign, kind), value in (limits or {}).items():
        own = made.context.limits.add(sign=events_pb2.Sign.Value(f"SIGN_{sign.upper()}"))
        setattr(own, kind, value)
    return made


def quiet(rows: int) -> bytes:
    """The answer of a model that says `QUIET` to everything."""
    answers = len(core.score_names()) * rows
    return struct.pack(f"<{answers}f", *[QUIET] * answers)


@dataclass
class Run:
    """An engine and all that came out of it."""

    engine: core.Engine = field(default_factory=lambda: core.Engine(RULES))
    rows: list[tuple[float, ...]] = field(default_factory=list)
    scored: list[events_pb2.Observation] = field(default_factory=list)
    alerts: list[events_pb2.AlertEvent] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    offset: int = 0

    def feed(self, *records: Sequence[events_pb2.Observation], model: str | None = "m1") -> core.EngineOutput:
        """One batch of these records; the model answers 0.03 to everything, or (None) nothing."""
        return self.feed_values([batch(r) for r in records], model=model)

    def feed_values(
        self, values: Sequence[bytes], *, model: str | None = "m1", answer: Callable[[int], bytes] = quiet
    ) -> core.EngineOutput:
        """One batch of records as they stand in the log; `answer` gives the model's scores of so many rows."""
        offsets = list(range(self.offset, self.offset + len(values)))
        self.offset += len(values)
        pending = self.engine.begin("telemetry.enriched", 0, offsets, list(values), T0)
        names = len(core.feature_names())
        self.rows += list(struct.iter_unpack(f"<{names}f", pending.features))
        scores = answer(pending.rows)
        made = self.engine.finish(pending, scores if model else None, model or "", T0)
        for partition, observations, value in made.scored:
            decoded = events_pb2.TelemetryBatch.FromString(value).observations
            assert (partition, observations) == (0, len(decoded))
            self.scored += decoded
        for partition, key, value in made.alerts:
            assert partition == 0
            self.keys.append(key)
            self.alerts.append(events_pb2.AlertEvent.FromString(value))
        assert made.observations_in == made.observations_out + made.dead_lettered
        return made

    def types(self) -> list[tuple[str, int]]:
        """Alert type and phase of what people are told, but those of NEWS2."""
        said = (a for a in self.alerts if a.phase != events_pb2.ALERT_PHASE_SUPPRESSED)
        return [(a.alert_type, a.phase) for a in said if a.alert_type != "news2"]
