"""What one rules engine without a model makes of the log if nothing interrupts it, and what the log has of it."""

from collections.abc import Iterable
from typing import NamedTuple

from tests.integration.runtime.support import written
from tests.unit.core.engine import RULES
from vigil import core, topology
from vigil.bus.port import Bus
from vigil.pb import events_pb2 as pb


class Made(NamedTuple):
    """Each event once, however often it was written: a repetition has the same id, and the same in it."""

    alerts: set[tuple[bytes, str, int]]
    scored: set[tuple[bytes, bytes]]

    @classmethod
    def of(cls, alerts: Iterable[bytes], scored: Iterable[bytes]) -> "Made":
        """Of values as they stand in the log."""
        told = (pb.AlertEvent.FromString(value) for value in alerts)
        rated = (one for value in scored for one in pb.TelemetryBatch.FromString(value).observations)
        return cls(
            {(alert.header.event_id, alert.alert_type, alert.phase) for alert in told},
            {(one.header.event_id, one.scores.SerializeToString(deterministic=True)) for one in rated},
        )

    def without(self, other: "Made") -> dict[str, int]:
        """How many of these the other has not."""
        return {"alerts": len(self.alerts - other.alerts), "scored": len(self.scored - other.scored)}


NONE = {"alerts": 0, "scored": 0}


def uninterrupted(bus: Bus) -> Made:
    """What is to be made of the enriched observations that the log holds."""
    engine = core.Engine(RULES)
    alerts: list[bytes] = []
    scored: list[bytes] = []
    for record in written(bus, topology.ENRICHED):
        pending = engine.begin(record.topic, record.partition, [record.offset], [record.value], 0)
        made = engine.finish(pending, None, "", 0)
        alerts += [value for _, _, value in made.alerts]
        scored += [value for _, _, value in made.scored]
    return Made.of(alerts, scored)


def came(bus: Bus) -> Made:
    """What the log holds of it."""
    return Made.of(*([record.value for record in written(bus, topic)] for topic in (topology.ALERTS, topology.SCORED)))
