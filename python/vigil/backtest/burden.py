"""Alarm burden: how many alarms, of what, how long, and on whom. The same counts as `docs/backtest.md` defines."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from statistics import median

from vigil.backtest.alarms import SHORT_US, Alarm
from vigil.backtest.labels import PRIORITIES
from vigil.backtest.subjects import Watched

DAY_US = 86_400_000_000
TOP_SHARE = 0.1

Document = dict[str, object]


def bed_days(watched: Mapping[str, Watched]) -> float:
    """Days under observation, over all patients."""
    return sum(w.watched_us for w in watched.values()) / DAY_US


def burden(alarms: list[Alarm], watched: Mapping[str, Watched], suppressed: Mapping[str, int]) -> Document:
    """All figures of one rule set."""
    days = bed_days(watched)
    per_patient = Counter(alarm.subject for alarm in alarms)
    return {
        **figures(alarms, watched, days),
        "by_rule": _by(lambda alarm: alarm.rule, alarms, watched, days),
        "by_sign": _by(lambda alarm: alarm.sign, alarms, watched, days),
        "by_priority": _by(lambda alarm: PRIORITIES[alarm.priority - 1], alarms, watched, days, PRIORITIES),
        "by_kind": _by(lambda alarm: "technical" if alarm.technical else "physiological", alarms, watched, days),
        "patients_with_alarms": len(per_patient),
        "top_10_percent_patient_share": top_share(per_patient, len(watched)),
        "suppressed": sum(suppressed.values()),
        "suppressed_by_rule": dict(suppressed),
    }


def figures(alarms: list[Alarm], watched: Mapping[str, Watched], days: float) -> Document:
    """What is counted of any set of alarms. None where there is nothing to divide by."""
    ended = [alarm for alarm in alarms if alarm.end_us is not None]
    lengths = [(alarm.end_us or 0) - alarm.raised_us for alarm in ended]
    short = sum(1 for length in lengths if length < SHORT_US)
    priorities = Counter(alarm.priority for alarm in alarms)
    return {
        "alarms": len(alarms),
        "per_bed_day": len(alarms) / days if days else None,
        "by_highest_priority": {name: priorities[at] for at, name in enumerate(PRIORITIES, start=1)},
        "time_in_alarm_share": _in_alarm_us(alarms, watched) / (days * DAY_US) if days else None,
        "ended": len(ended),
        "under_15_s": short,
        "under_15_s_share": short / len(ended) if ended else None,
        "median_length_s": median(lengths) / 1e6 if lengths else None,
    }


def _by(
    name: Callable[[Alarm], str],
    alarms: list[Alarm],
    watched: Mapping[str, Watched],
    days: float,
    order: Iterable[str] = (),
) -> Document:
    groups: dict[str, list[Alarm]] = {key: [] for key in order}
    for alarm in alarms:
        groups.setdefault(name(alarm), []).append(alarm)
    ranked = groups.items() if order else sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return {key: figures(group, watched, days) for key, group in ranked}


def _in_alarm_us(alarms: list[Alarm], watched: Mapping[str, Watched]) -> int:
    """Time in which at least one of the alarms was there, over all patients."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for alarm in alarms:
        last_us = watched[alarm.subject].last_us if alarm.subject in watched else alarm.raised_us
        spans.setdefault(alarm.subject, []).append((alarm.raised_us, alarm.until_us(last_us)))
    whole = 0
    for mine in spans.values():
        reached = 0
        for start, end in sorted(mine):
            whole += max(0, end - max(start, reached))
            reached = max(reached, end)
    return whole


def top_share(per_patient: Mapping[str, int], patients: int) -> float | None:
    """The share of all alarms that the tenth of patients with the most of them has (at least one patient)."""
    total = sum(per_patient.values())
    if not total:
        return None
    most = sorted(per_patient.values(), reverse=True)
    return sum(most[: max(1, round(patients * TOP_SHARE))]) / total
