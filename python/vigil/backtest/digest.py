"""A hash of alerts that is the same live and offline: ordered within a patient, independent of order between them.

Left out is what says when the platform worked, not what it decided: ingest and process time, the signal's delay, and
whether the model had answered (where a rule asks the model, its alerts are there or not).
A repetition (same event id) counts once, as for every reader of alerts.raised.
"""

import hashlib
from collections.abc import Iterable

from vigil.backtest.subjects import subject
from vigil.pb import events_pb2 as pb

MODEL = pb.OBSERVATION_FLAG_SCORE_UNAVAILABLE | pb.OBSERVATION_FLAG_NOT_SCORABLE


class Digest:
    """Collects alerts in the order in which they were written."""

    def __init__(self) -> None:
        self._patients: dict[str, hashlib._Hash] = {}
        self._seen: set[bytes] = set()

    def add(self, alert: pb.AlertEvent) -> bool:
        """Takes an alert, which it changes; False when it is a repetition."""
        header = alert.header
        if header.event_id in self._seen:
            return False
        self._seen.add(header.event_id)
        header.ingest_time_us = header.process_time_us = alert.condition.signal_delay_us = 0
        alert.flags &= ~MODEL
        key = subject(header.patient_id, header.device_id)
        if key not in self._patients:
            self._patients[key] = hashlib.sha256()
        content = alert.SerializeToString(deterministic=True)
        self._patients[key].update(len(content).to_bytes(4, "little") + content)
        return True

    def patients(self) -> dict[str, str]:
        """The hash of each patient's alerts."""
        return {key: digest.hexdigest() for key, digest in self._patients.items()}


def joined(patients: Iterable[tuple[str, str]]) -> str:
    """The hash of all, of each patient's."""
    whole = hashlib.sha256()
    for key, digest in sorted(patients):
        whole.update(f"{key}\0{digest}\n".encode())
    return whole.hexdigest()


def of_alerts(values: Iterable[bytes]) -> str:
    """The hash of encoded alerts, as `alerts.raised` holds them."""
    digest = Digest()
    for value in values:
        digest.add(pb.AlertEvent.FromString(value))
    return joined(digest.patients().items())
