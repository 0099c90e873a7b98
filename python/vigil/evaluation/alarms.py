"""A score as an alarm: how many a bed and day, which events it catches and how early, at a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
HOUR_US = 3_600_000_000
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Course:
    """One score over all patients, rows sorted by patient and time and only where the score is known.

    `window` marks the rows in which an alarm catches the patient's event; `onset_us` and `days` are per patient,
    an onset of -1 is none (or an outcome without a time).
    """

    patient: Ints
    time_us: Ints
    score: NDArray[np.float64]
    window: NDArray[np.bool_]
    onset_us: Ints
    event: NDArray[np.bool_]
    days: NDArray[np.float64]

    @property
    def highest(self) -> NDArray[np.float64]:
        """Per patient with an event, the highest score in its window; -inf where there is no row."""
        made = np.full(len(self.days), -np.inf)
        np.maximum.at(made, self.patient[self.window], self.score[self.window])
        return made[self.event]

    def threshold(self, sensitivity: float) -> float:
        """The highest threshold that catches at least this share of the events; NaN when none does."""
        highest = np.sort(self.highest)[::-1]
        needed = int(np.ceil(sensitivity * len(highest) - 1e-9))
        if needed < 1 or len(highest) < needed or np.isneginf(highest[needed - 1]):
            return float("nan")
        return float(highest[needed - 1])

    def at(self, threshold: float) -> "Alarmed":
        """What an alarm does that is on while the score is at least `threshold`."""
        on = self.score >= threshold
        fresh = np.r_[True, self.patient[1:] != self.patient[:-1]] if len(on) else np.zeros(0, bool)
        starts = on & (fresh | ~np.r_[False, on[:-1]]) if len(on) else on
        count = len(self.days)
        first = np.full(count, _NEVER)
        caught = on & self.window
        np.minimum.at(first, self.patient[caught], self.time_us[caught])
        return Alarmed(
            threshold=threshold,
            alarms=np.bincount(self.patient[starts], minlength=count).astype(np.float64),
            true_alarms=np.bincount(self.patient[starts & self.window], minlength=count).astype(np.float64),
            caught=(first != _NEVER) & self.event,
            lead_h=np.where((first != _NEVER) & (self.onset_us >= 0), (self.onset_us - first) / HOUR_US, np.nan),
            event=self.event,
            days=self.days,
            rows_on=np.bincount(self.patient[on], minlength=count).astype(np.float64),
            rows=np.bincount(self.patient, minlength=count).astype(np.float64),
        )

    def threshold_of_rate(self, per_bed_day: float) -> float:
        """The lowest threshold from which on up there are at most so many alarms a bed and day.

        Low thresholds begin few alarms, too, for one that is always on begins once: none is taken below the one with
        the most alarms. NaN where not even the highest score is so rare.
        """
        values = np.unique(self.score)
        rates = self._starts(values) / float(np.sum(self.days))
        if not len(values):
            return float("nan")
        most = int(np.flatnonzero(rates == rates.max())[-1])
        above = np.flatnonzero(rates > per_bed_day)
        at = max(most, int(above[-1]) + 1) if len(above) else most
        return float(values[at]) if at < len(values) else float("nan")

    def threshold_of_time_on(self, share: float) -> float:
        """The lowest threshold at which the alarm is on in this share of the rows at most; NaN if none is so rare."""
        values, counts = np.unique(self.score, return_counts=True)
        on = np.cumsum(counts[::-1])[::-1]  # rows at each value or above
        enough = np.flatnonzero(on <= share * len(self.score) + 1e-9)
        return float(values[enough[0]]) if len(enough) else float("nan")

    def _starts(self, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """How many alarms begin at each of the ascending thresholds: it lies above the row before, or there is none."""
        before = np.full(len(self.score), -np.inf)
        same = self.patient[1:] == self.patient[:-1]
        before[1:][same] = self.score[:-1][same]
        rising = self.score > before
        reached, passed = (np.sort(values[rising]) for values in (self.score, before))
        lower = (np.searchsorted(values, thresholds, side="left") for values in (passed, reached))
        made: NDArray[np.float64] = np.subtract(*lower).astype(np.float64)
        return made


@dataclass(frozen=True)
class Alarmed:
    """Per patient: alarms that began, those in an event's window, whether it was caught, and how early."""

    threshold: float
    alarms: NDArray[np.float64]
    true_alarms: NDArray[np.float64]
    caught: NDArray[np.bool_]
    lead_h: NDArray[np.float64]
    event: NDArray[np.bool_]
    days: NDArray[np.float64]
    rows_on: NDArray[np.float64]
    rows: NDArray[np.float64]

    def per_bed_day(self, weights: NDArray[np.float64] | None = None) -> float:
        """Alarms a bed and day."""
        return _ratio(self.alarms, self.days, weights)

    def sensitivity(self, weights: NDArray[np.float64] | None = None) -> float:
        """The share of events that were caught."""
        return _ratio(self.caught.astype(np.float64), self.event.astype(np.float64), weights)

    def precision(self, weights: NDArray[np.float64] | None = None) -> float:
        """The share of alarms that began in an event's window."""
        return _ratio(self.true_alarms, self.alarms, weights)

    def time_on(self, weights: NDArray[np.float64] | None = None) -> float:
        """The share of the rows in which the alarm is on."""
        return _ratio(self.rows_on, self.rows, weights)

    def median_lead_h(self, weights: NDArray[np.float64] | None = None) -> float:
        """Median hours from the first alarm in the window to the onset, of what was caught."""
        known = self.caught & np.isfinite(self.lead_h)
        lead = self.lead_h[known]
        if not len(lead):
            return float("nan")
        if weights is None:
            return float(np.median(lead))
        order = np.argsort(lead)
        cumulated = np.cumsum(weights[known][order])
        if cumulated[-1] == 0:
            return float("nan")
        return float(lead[order][np.searchsorted(cumulated, cumulated[-1] / 2)])

    def figures(self, weights: NDArray[np.float64] | None = None) -> dict[str, float]:
        """All of them."""
        return {
            "alarmsPerBedDay": self.per_bed_day(weights),
            "sensitivity": self.sensitivity(weights),
            "precision": self.precision(weights),
            "timeOnShare": self.time_on(weights),
            "medianLeadH": self.median_lead_h(weights),
        }

    def leads(self) -> Sequence[float]:
        """Hours of warning, an event each that was caught."""
        found: list[float] = self.lead_h[self.caught & np.isfinite(self.lead_h)].tolist()
        return found


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64], weights: NDArray[np.float64] | None) -> float:
    w = 1.0 if weights is None else weights
    whole = float(np.sum(below * w))
    return float(np.sum(above * w)) / whole if whole > 0 else float("nan")
