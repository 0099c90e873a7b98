"""What the tests of the core's edge share: admitted devices, a clock, and what was written."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vigil import core
from vigil.pb import events_pb2, registry_pb2

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
AT = "2026-01-01T00:00:00Z"
AT_US = 1_767_225_600_000_000
NOW_US = AT_US + 10_000_000


def decoder(devices: Iterable[str] = ("d1", "d2", "d3"), *, partitions: int = 4) -> core.Decoder:
    """A decoder that admits these devices without a key and any other one too."""
    admissions = core.Admissions(require_keys=False, allow_unknown=True)
    answer = registry_pb2.GetAdmissionsResponse(
        admissions=[registry_pb2.Admission(device_id=device, known=True, active=True) for device in devices]
    )
    admissions.apply(answer.SerializeToString())
    return core.Decoder(admissions, partitions)


def item(**fields: Any) -> dict[str, Any]:
    """A good observation, changed."""
    return {"deviceId": "d1", "timestamp": AT, "metrics": {"hr": 80}} | fields


def accept(body: Any, **options: Any) -> core.Acceptance:
    """Accepts bytes, or anything that JSON can say."""
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decoder(**options).accept_json(encoded, None, None, NOW_US)


def raw_observations(acceptance: core.Acceptance) -> list[events_pb2.RawObservation]:
    """What was accepted, read with the generated protobuf code."""
    made = []
    for partition, observations, value in acceptance.records:
        batch = events_pb2.TelemetryBatch.FromString(value)
        assert len(batch.raw) == observations
        assert all(core.partition_of(raw.header.device_id, 4) == partition for raw in batch.raw)
        made += batch.raw
    return made


def malformed() -> list[dict[str, Any]]:
    """The malformed bodies: name, bytes, the status and the errors they are answered with."""
    cases: list[dict[str, Any]] = json.loads((GOLDEN / "malformed.json").read_text())
    for case in cases:
        if "base64" in case:
            case["bytes"] = base64.b64decode(case["base64"])
        elif "repeat" in case:
            case["bytes"] = "".join(text * times for text, times in case["repeat"]).encode()
        else:
            case["bytes"] = case["body"].encode()
    return cases
