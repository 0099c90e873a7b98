"""Labelled events against alarms: caught or missed, and how early.

An *episode* (onset and end) is caught by an alarm of its types that is there between onset and end, or soon after, at
the priority asked for; the delay counts from its onset. An *outcome* (onset alone) is caught by an alarm that is there
in the hours before; the lead is from the alarm to the onset. An outcome without a time is caught by any alarm.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from vigil.backtest.alarms import Alarm, level
from vigil.backtest.burden import Document
from vigil.backtest.labels import PRIORITIES, Event
from vigil.backtest.subjects import Watched

DAY_US = 86_400_000_000
GRACE_US = 30_000_000
"""An alarm may come this long after an episode's end: delays and averaging."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """What counts for an event that does not say so itself."""

    priority: str = "medium"
    lookback_h: float = 24.0

    @property
    def lookback_us(self) -> int:
        """How long before an outcome an alarm counts."""
        return round(self.lookback_h * 3.6e9)


@dataclass(frozen=True, kw_only=True)
class Catch:
    """What became of one event. `seconds` is the delay of an episode's alarm, or the lead before an outcome;
    `alarmed` without `caught`: there was an alarm of its types, but of too low a priority. `unseen`: the recording
    does not hold the patient, or ends before an episode that was not caught until then."""

    event: Event
    caught: bool
    alarmed: bool = False
    unseen: bool = False
    seconds: float | None = None
    after_height_s: float | None = None


def match(
    events: Iterable[Event], alarms: Iterable[Alarm], watched: Mapping[str, Watched], criterion: Criterion,
    counts: Callable[[Alarm], bool] = lambda _: True,
) -> list[Catch]:  # fmt: skip
    """Every event with the first alarm that caught it; `counts` restricts the alarms looked at."""
    events = list(events)
    by_subject: dict[str, list[Alarm]] = {event.subject: [] for event in events}
    for alarm in alarms:
        if alarm.subject in by_subject and counts(alarm):
            by_subject[alarm.subject].append(alarm)
    return [_match(event, by_subject[event.subject], watched, criterion) for event in events]


def _match(event: Event, alarms: Sequence[Alarm], watched: Mapping[str, Watched], criterion: Criterion) -> Catch:
    least = level(event.priority or criterion.priority)
    seen = watched.get(event.subject)
    start, end = _window(event, criterion)
    first: float | None = None
    caught = alarmed = False
    for alarm in alarms:
        if alarm.alert_type not in event.alert_types if event.alert_types else alarm.technical:
            continue
        until = alarm.until_us(seen.last_us if seen else alarm.raised_us)
        alarmed = alarmed or (alarm.raised_us <= end and until >= start)
        since = alarm.since_us(least)
        if since is not None and since <= end and until >= start:
            caught = True
            # The person is told at the START; the priority asked for may come later.
            told = alarm.raised_us if event.end_us is not None else since
            first = min(max(told, start), first) if first is not None else max(told, start)
    if first is None or event.onset_us is None:
        cut = event.end_us is not None and seen is not None and seen.last_us < event.end_us
        return Catch(event=event, caught=caught, alarmed=alarmed, unseen=not caught and (seen is None or cut))
    if event.end_us is None:
        return Catch(event=event, caught=caught, alarmed=alarmed, seconds=(event.onset_us - first) / 1e6)
    after = (first - event.height_us) / 1e6 if event.height_us is not None else None
    delay = (first - event.onset_us) / 1e6
    return Catch(event=event, caught=caught, alarmed=alarmed, seconds=delay, after_height_s=after)


def _window(event: Event, criterion: Criterion) -> tuple[float, float]:
    if event.onset_us is None:
        return float("-inf"), float("inf")
    if event.end_us is None:
        return event.onset_us - criterion.lookback_us, event.onset_us
    return event.onset_us, event.end_us + GRACE_US


def summary(catches: Iterable[Catch]) -> Document:
    """By kind of event: how many, how many caught, and the distribution of delay or lead."""
    groups: dict[str, list[Catch]] = {}
    for one in catches:
        groups.setdefault(one.event.kind, []).append(one)
    return {kind: _figures(group) for kind, group in sorted(groups.items())}


def _figures(events: list[Catch]) -> Document:
    group = [one for one in events if not one.unseen]
    caught = [one for one in group if one.caught]
    episode = events[0].event.end_us is not None
    values = [one.seconds for one in caught if one.seconds is not None]
    unit, scale = ("delay_s", 1.0) if episode else ("lead_h", 3600.0)
    found: Document = {
        "measured": unit,
        "events": len(group),
        "alarmed": sum(1 for one in group if one.alarmed),
        "caught": len(caught),
        "missed": len(group) - len(caught),
        "unseen": len(events) - len(group),
        "caught_share": len(caught) / len(group) if group else None,
        **{f"{unit}_{name}": value / scale for name, value in _distribution(values).items()},
    }
    after = [one.after_height_s for one in caught if one.after_height_s is not None]
    return {**found, **{f"after_height_s_{name}": value for name, value in _distribution(after).items()}}


def _distribution(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else values * 99
    return {"median": median(values), "p10": cuts[9], "p90": cuts[89], "p99": cuts[98], "max": max(values)}


def detectors(
    events: list[Event], alarms: list[Alarm], watched: Mapping[str, Watched], criterion: Criterion
) -> list[Document]:
    """How well single alarms foresee outcomes: rules of scores, the model's among them, from each priority on that they
    reach, and any alarm of a priority.

    `per_bed_day` is how many such alarms there were a day under observation, of all patients: what the catch costs.
    `alarmed_without_event_share` is the share of the patients without the event who had such an alarm at any time:
    a detector that is on for everybody foresees nothing.
    """
    found = []
    bed_days = sum(one.watched_us for one in watched.values()) / DAY_US
    for kind in sorted({event.kind for event in events if event.end_us is None}):
        mine = [event for event in events if event.kind == kind and event.end_us is None]
        others = set(watched) - {event.subject for event in mine}
        for detector in _candidates(alarms):
            least = level(detector.priority)
            those = [alarm for alarm in alarms if detector.counts(alarm) and alarm.priority >= least]
            told = {alarm.subject for alarm in those}
            single = Criterion(priority=detector.priority, lookback_h=criterion.lookback_h)
            # The detector's own priority decides, whatever the event asks for.
            asked = [Event(subject=e.subject, kind=e.kind, onset_us=e.onset_us) for e in mine]
            figures = _figures(match(asked, alarms, watched, single, detector.counts))
            false = len(told & others) / len(others) if others else None
            cost = {"per_bed_day": len(those) / bed_days if bed_days else None, "alarmed_without_event_share": false}
            found.append({"kind": kind, "detector": detector.name, **figures, **cost})
    return found


@dataclass(frozen=True)
class Detector:
    """Alarms of a score's rule, or with no rule of any, from a priority on."""

    rule: str
    priority: str

    @property
    def name(self) -> str:
        """What it is called in reports."""
        return f"{self.rule or 'any'} {self.priority}"

    def counts(self, alarm: Alarm) -> bool:
        """Whether it looks at an alarm."""
        return alarm.rule == self.rule if self.rule else not alarm.technical


def _candidates(alarms: Iterable[Alarm]) -> list[Detector]:
    reached: dict[str, int] = {}
    for alarm in alarms:
        if alarm.score:
            reached[alarm.rule] = max(reached.get(alarm.rule, 0), alarm.priority)
    scores = [Detector(rule, priority) for rule in sorted(reached) for priority in PRIORITIES[: reached[rule]]]
    return [*scores, *(Detector("", priority) for priority in PRIORITIES)]
