"""Dead letters: what could not be processed, with its original bytes and why. Never dropped, never blocking."""

import time
from collections.abc import Sequence

from vigil import topology
from vigil.bus.port import Record
from vigil.pb import events_pb2
from vigil.runtime.processor import Outcome, Output


def internal_dead_letters(stage: str, records: Sequence[Record], error: Exception) -> Outcome:
    """Dead letters for records that a defect of ours kept from being processed.

    `error_code` is `internal` (or the core's own code); the message is the exception's type, not its
    text, which could quote a payload.
    """
    outcome = Outcome()
    for record in records:
        observations = _observations(record.value)
        code = error.args[0] if type(error).__name__ == "CoreError" and error.args else "internal"
        letter = events_pb2.DeadLetter(
            original=record.value,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            stage=stage,
            error_code=str(code),
            error_message=type(error).__name__,
            time_us=time.time_ns() // 1000,
            observations=observations,
        )
        outcome.outputs.append(Output(topology.DEAD_LETTER, record.partition, letter.SerializeToString()))
        outcome.observations_in += observations
        outcome.dead_lettered += observations
    return outcome


def _observations(value: bytes) -> int:
    batch = events_pb2.TelemetryBatch()
    try:
        batch.ParseFromString(value)
    except Exception:
        return 0
    return len(batch.raw) + len(batch.observations)
