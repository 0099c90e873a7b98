"""Labelled events as columns beside the rows: what a row's label is, and where an alarm would catch the event."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vigil.backtest.labels import Event
from vigil.backtest.subjects import GAP_MAX_US
from vigil.evaluation.alarms import HOUR_US
from vigil.evaluation.rows import Rows


@dataclass(frozen=True)
class Truth:
    """`label` and `window` per row; `event`, `onset_us` (-1 = none or without a time) and `days` per patient."""

    kind: str
    label: NDArray[np.bool_]
    window: NDArray[np.bool_]
    event: NDArray[np.bool_]
    onset_us: NDArray[np.int64]
    days: NDArray[np.float64]


def kinds(events: Sequence[Event]) -> dict[str, int]:
    """The kinds of events with their numbers, the commonest first."""
    found: dict[str, int] = {}
    for event in events:
        found[event.kind] = found.get(event.kind, 0) + 1
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def truth(rows: Rows, events: Sequence[Event], kind: str, horizon_h: float, lookback_h: float) -> Truth:
    """The first event of `kind` of each patient.

    A row is labelled from `horizon_h` before the onset on (to the event's end, where it has one); an outcome without a
    time labels the whole stay. An alarm catches the event from `lookback_h` before the onset to the onset, or in the
    whole stay.
    """
    count = len(rows.patients)
    first, last = np.full(count, -1, np.int64), np.full(count, np.iinfo(np.int64).max)
    event, timed = np.zeros(count, bool), np.zeros(count, bool)
    at = {name: index for index, name in enumerate(rows.patients)}
    for found in sorted(events, key=lambda e: (e.onset_us is None, e.onset_us or 0)):
        index = at.get(found.subject)
        if index is None or found.kind != kind or event[index]:
            continue
        event[index] = True
        if found.onset_us is not None:
            timed[index], first[index] = True, found.onset_us
            last[index] = found.end_us or last[index]
    own_event, own_onset = event[rows.patient], first[rows.patient]
    own_timed = timed[rows.patient]
    labelled = own_event & (
        ~own_timed | ((rows.time_us >= own_onset - int(horizon_h * HOUR_US)) & (rows.time_us <= last[rows.patient]))
    )
    window = own_event & (
        ~own_timed | ((rows.time_us >= own_onset - int(lookback_h * HOUR_US)) & (rows.time_us <= own_onset))
    )
    return Truth(kind, labelled, window, event, first, _days(rows))


def _days(rows: Rows) -> NDArray[np.float64]:
    """Days under observation per patient: the gaps between rows, longer silences apart, and one gap for the last."""
    gaps = np.diff(rows.time_us)
    usable = (rows.patient[1:] == rows.patient[:-1]) & (gaps > 0) & (gaps <= GAP_MAX_US)
    days = np.bincount(rows.patient[1:][usable], gaps[usable].astype(np.float64), minlength=len(rows.patients))
    typical = float(np.median(gaps[usable])) if usable.any() else float(HOUR_US)
    seen = np.bincount(rows.patient, minlength=len(rows.patients)) > 0
    return (days + seen * typical) / (24 * HOUR_US)
