"""gRPC request bodies from arrays: the encoded message of one observation as a template, patched like the JSON.

Every field has a fixed length (doubles are eight bytes), so one encoded SendMeasurementsRequest serves all.
"""

import struct

import numpy as np

from services.device_simulator.encode import (
    DECIMALS,
    DEVICE_DIGITS,
    METRICS,
    RANGE_HIGH,
    RANGE_LOW,
    TIME_FORMAT,
    iso_ms,
)
from services.device_simulator.physiology import ABSENT_VALUE

UNITS = ("bpm", "%", "breaths_per_minute", "celsius", "mmHg", "mmHg")
_MARK = 1234.5


class GrpcTemplate:
    """Encodes SendMeasurementsBatchRequest messages for the devices `<prefix><number>`."""

    def __init__(self, prefix: str) -> None:
        from vigil.pb import telemetry_gateway_pb2 as pb

        self._patterns: dict[tuple[bool, ...], tuple[np.ndarray, int, int, list[int]]] = {}
        self._prefix, self._pb = prefix, pb

    def _pattern(self, present: tuple[bool, ...]) -> tuple[np.ndarray, int, int, list[int]]:
        """The template for observations with these signs; the others are 0, and the metadata says why."""
        if present not in self._patterns:
            request = self._pb.SendMeasurementsRequest(
                version="1",
                device_id=self._prefix + "#" * DEVICE_DIGITS,
                device_type="multiparameter_monitor",
                timestamp=TIME_FORMAT,
                measurements=[
                    self._pb.Measurement(metric=metric, value=_MARK if there else 0.0, unit=unit)
                    for metric, unit, there in zip(METRICS, UNITS, present, strict=True)
                ],
                device_metadata={} if all(present) else {"probe_off": "true"},
            )
            raw = self._pb.SendMeasurementsBatchRequest(requests=[request]).SerializeToString()
            mark, places, at = struct.pack("<d", _MARK), [], 0
            while (at := raw.find(mark, at)) >= 0:
                places.append(at)
                at += 8
            template = np.frombuffer(raw, np.uint8)
            self._patterns[present] = template, raw.index(b"#"), raw.index(TIME_FORMAT.encode()), places
        return self._patterns[present]

    def body(self, first: int, time_us: int, signs: np.ndarray) -> bytes:
        """The batch of the observations `[row, sign]` of the devices from `first` on, all at `time_us`."""
        there = signs != ABSENT_VALUE
        values = np.clip(signs, RANGE_LOW, RANGE_HIGH)
        scale = 10.0**DECIMALS
        values = np.floor(values * scale + 0.5) / scale
        if there.all():
            return self._rows(first + np.arange(len(signs)), time_us, values, np.ones(len(METRICS), bool))
        parts = []
        patterns, inverse = np.unique(there, axis=0, return_inverse=True)
        for index, pattern in enumerate(patterns):
            rows = np.flatnonzero(inverse.ravel() == index)
            parts.append(self._rows(first + rows, time_us, values[rows], pattern))
        return b"".join(parts)

    def _rows(self, devices: np.ndarray, time_us: int, values: np.ndarray, present: np.ndarray) -> bytes:
        template, device_at, time_at, places = self._pattern(tuple(bool(p) for p in present))
        out = np.tile(template, (len(devices), 1))
        for digit in range(DEVICE_DIGITS):
            out[:, device_at + digit] = 48 + devices // 10 ** (DEVICE_DIGITS - 1 - digit) % 10
        stamp = np.frombuffer(iso_ms(time_us), np.uint8)
        out[:, time_at : time_at + stamp.size] = stamp
        for place, sign in zip(places, np.flatnonzero(present), strict=True):
            column = np.ascontiguousarray(values[:, sign], dtype="<f8")
            out[:, place : place + 8] = column.view(np.uint8).reshape(-1, 8)
        return out.tobytes()
