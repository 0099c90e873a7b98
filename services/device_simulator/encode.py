"""Request bodies straight from arrays: one fixed-width template an observation, patched by a kernel.

JSON allows blanks before a number, so every field has a fixed place and no object is built per observation.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numba import njit

from services.device_simulator.physiology import ABSENT_VALUE

DEVICE_DIGITS = 7
TIME_FORMAT = "YYYY-MM-DDTHH:MM:SS.mmmZ"
METRICS = ("hr", "spo2", "rr", "temp", "sbp", "dbp")
DECIMALS = np.array([0, 0, 0, 1, 0, 0], np.int64)
RANGE_LOW = np.array([0.0, 0.0, 0.0, 20.0, 0.0, 0.0])
RANGE_HIGH = np.array([350.0, 100.0, 120.0, 45.0, 300.0, 250.0])
"""What the simulated sensor can show; SpO2 cannot exceed 100."""
WIDTH = 5
"""Characters of a number: wide enough for `"off"`, what a monitor says of a probe that fell off."""


def iso_ms(time_us: int) -> bytes:
    """The time in the fixed-width form of the template, cut to milliseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".encode()


class JsonTemplate:
    """The template of one observation of a device `<prefix><number>`, and where its fields are."""

    def __init__(self, prefix: str) -> None:
        text = f'{{"deviceId":"{prefix}{"#" * DEVICE_DIGITS}","timestamp":"{TIME_FORMAT}","metrics":{{'
        self.device_at = text.index("#")
        self.time_at = text.index(TIME_FORMAT)
        places = []
        for index, metric in enumerate(METRICS):
            text += ("," if index else "") + f'"{metric}":'
            places.append(len(text.encode()))
            text += " " * WIDTH
        self.bytes = np.frombuffer((text + "}},").encode(), np.uint8)
        self.places = np.array(places, np.int64)

    def body(self, first: int, time_us: int, signs: np.ndarray) -> bytes:
        """The array of the observations `[row, sign]` of the devices from `first` on, all at `time_us`."""
        rows = signs.shape[0]
        out = np.empty(1 + rows * self.bytes.size, np.uint8)
        stamp = np.frombuffer(iso_ms(time_us), np.uint8)
        fill(out, self.bytes, self.device_at, self.time_at, stamp, self.places, first, signs)
        out[0], out[-1] = ord("["), ord("]")
        return out.tobytes()


@njit(cache=True, inline="always")
def write_digits(out: Any, at: int, digits: int, number: int) -> None:
    """`number` with leading zeros."""
    for place in range(digits - 1, -1, -1):
        out[at + place] = 48 + number % 10
        number //= 10


@njit(cache=True, inline="always")
def charted(value: Any, sign: Any, decimals: Any, low: Any, high: Any) -> Any:
    """The value at chart resolution, within what the sensor can show."""
    bounded = min(max(value, low[sign]), high[sign])
    return np.floor(bounded * 10.0 + 0.5) / 10.0 if decimals[sign] == 1 else np.floor(bounded + 0.5)


@njit(cache=True)
def _write_number(out: Any, end: int, value: float, decimals: int) -> None:
    """Right-aligned before `end`; the template is blank in front of it."""
    number = np.int64(np.floor(value * 10.0 + 0.5)) if decimals == 1 else np.int64(value)
    at = end - 1
    if decimals == 1:
        out[at] = 48 + number % 10
        out[at - 1] = 46
        at -= 2
        number //= 10
    while True:
        out[at] = 48 + number % 10
        number //= 10
        at -= 1
        if number == 0:
            break


@njit(cache=True, nogil=True)
def fill(
    out: np.ndarray,
    template: np.ndarray,
    device_at: int,
    time_at: int,
    stamp: np.ndarray,
    places: np.ndarray,
    first: int,
    signs: np.ndarray,
) -> None:
    """Writes every row's template and its fields behind the opening bracket of `out`."""
    size = template.size
    for row in range(signs.shape[0]):
        base = 1 + row * size
        for byte in range(size):
            out[base + byte] = template[byte]
        write_digits(out, base + device_at, DEVICE_DIGITS, first + row)
        for byte in range(stamp.size):
            out[base + time_at + byte] = stamp[byte]
        for sign in range(places.size):
            end = base + places[sign] + WIDTH
            value = signs[row, sign]
            if value == ABSENT_VALUE:
                out[end - 5], out[end - 4], out[end - 3], out[end - 2], out[end - 1] = 34, 111, 102, 102, 34
            else:
                _write_number(out, end, charted(value, sign, DECIMALS, RANGE_LOW, RANGE_HIGH), DECIMALS[sign])
