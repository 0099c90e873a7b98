"""Readers of recorded vital signs: each yields what the devices would have sent, mess included.

`open(path)` finds the format. See `model` for what a recording gives, and one file a format beside it.
"""

from vigil.recordings.detect import data_folder
from vigil.recordings.detect import open_recording as open
from vigil.recordings.model import (
    DEFAULT_START,
    Device,
    GatewayObservation,
    Patient,
    Recording,
    RecordingError,
    Stay,
    TextRecording,
    observations_by_patient,
    observations_by_time,
)

__all__ = [
    "DEFAULT_START",
    "Device",
    "GatewayObservation",
    "Patient",
    "Recording",
    "RecordingError",
    "Stay",
    "TextRecording",
    "data_folder",
    "observations_by_patient",
    "observations_by_time",
    "open",
]
