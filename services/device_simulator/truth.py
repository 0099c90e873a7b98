"""The ground truth: a JSON line an injected episode, written at its onset."""

from pathlib import Path
from typing import Any, TextIO

import msgspec

from services.device_simulator.episodes import PROFILES, SURE_AFTER_S
from services.device_simulator.schedule import Episode
from vigil.recordings.values import iso


class TruthFile:
    """Writes episodes with what must follow from them; `path` None keeps only the count."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w")
        self.episodes = 0

    def write(self, episode: Episode, device_id: str, patient_id: str, start_us: int, interval_s: float) -> None:
        """One episode; times are event times. By `sureBy` an alert must have been raised."""
        self.episodes += 1
        if self._file is not None:
            self._file.write(msgspec.json.encode(entry(episode, device_id, patient_id, start_us, interval_s)).decode())
            self._file.write("\n")
            self._file.flush()

    def close(self) -> None:
        """Ends the file."""
        if self._file is not None:
            self._file.close()


def entry(episode: Episode, device_id: str, patient_id: str, start_us: int, interval_s: float) -> dict[str, Any]:
    """The line of an episode."""
    profile = PROFILES[episode.kind]

    def at(seconds: float) -> str:
        return iso(start_us + round(seconds * 1e6))

    return {
        "deviceId": device_id,
        "patientId": patient_id,
        "kind": profile.kind,
        "sign": profile.sign,
        "technical": profile.technical,
        "onset": at(episode.onset_s),
        "height": at(episode.height_s),
        "sureBy": at(min(episode.height_s + SURE_AFTER_S + 2 * interval_s, episode.fall_s)),
        "end": at(episode.end_s),
        "expected": [{"alertType": name, "priority": profile.priority} for name in profile.alert_types],
    }
