"""`backtest.json`: everything that was counted, for machines; page and tables are made of it. See docs/backtest.md."""

import hashlib
from typing import Any

from vigil import core
from vigil.backtest import burden, catch, compare
from vigil.backtest.run import Outcome, Result
from vigil.core import Engine

FORMAT = 1


def document(result: Result) -> dict[str, Any]:
    """The document of a run."""
    names = ("rules", "against")
    catches = [catch.match(result.events, o.alarms, result.watched, result.criterion) for o in result.outcomes]
    sets = {
        name: _rule_set(result, outcome, found)
        for name, outcome, found in zip(names, result.outcomes, catches, strict=False)
    }
    made: dict[str, Any] = {
        "format": FORMAT,
        "core_version": core.version(),
        "recordings": [
            {
                "path": prepared.name,
                "patients": sum(len(part.watched) for part in prepared.parts),
                "accepted": prepared.counts.accepted,
                "rejected": prepared.counts.rejected,
                "dead_lettered": prepared.counts.dead_lettered,
                "observations": prepared.counts.enriched,
                "problems": prepared.counts.problems,
                "prepared_s": prepared.seconds,
                "from_cache": prepared.cached,
            }
            for prepared in result.recordings
        ],
        "patients": len(result.watched),
        "observations": result.outcomes[0].observations,
        "bed_days": burden.bed_days(result.watched),
        "model": result.model or None,
        "processes": result.processes,
        "evaluate_s": result.evaluate_s,
        "observations_per_s": _rate(result),
        "engine_observations_per_s_per_core": _engine_rate(result),
        "criterion": {"priority": result.criterion.priority, "lookback_h": result.criterion.lookback_h},
        "rule_sets": sets,
    }
    if len(result.outcomes) == 2:
        new, old = result.outcomes
        made["difference"] = {
            **compare.difference(sets["rules"]["burden"], sets["against"]["burden"]),
            "patients": compare.per_patient(new.alarms, old.alarms),
            "events": compare.events(catches[0], catches[1]),
        }
    return made


def lost(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Events that the old rules caught and the new ones do not."""
    found: list[dict[str, Any]] = made.get("difference", {}).get("events", {}).get("lost", [])
    return found


def _rate(result: Result) -> float | None:
    evaluated = sum(outcome.observations for outcome in result.outcomes)
    return evaluated / result.evaluate_s if result.evaluate_s else None


def _engine_rate(result: Result) -> float | None:
    seconds = sum(outcome.engine_s for outcome in result.outcomes)
    return sum(outcome.observations for outcome in result.outcomes) / seconds if seconds else None


def _rule_set(result: Result, outcome: Outcome, found: list[catch.Catch]) -> dict[str, Any]:
    return {
        "file": outcome.rules.name,
        "sha256": hashlib.sha256(outcome.rules.text.encode()).hexdigest(),
        "version": Engine(outcome.rules.text).rule_set_version,
        "alerts_sha256": outcome.alerts_sha256,
        "alert_events": outcome.alert_events,
        "dead_lettered": outcome.dead_lettered,
        "engine_s": outcome.engine_s,
        "burden": burden.burden(outcome.alarms, result.watched, outcome.suppressed),
        "events": catch.summary(found),
        "missed": [compare.named(one) for one in found if not one.caught and not one.unseen],
        "detectors": catch.detectors(result.events, outcome.alarms, result.watched, result.criterion),
        "distributions": {
            "alarms_per_patient": sorted(_per_patient(outcome, result), reverse=True),
            "length_s": _lengths(outcome),
            "event_seconds": {
                kind: sorted(round(o.seconds, 3) for o in found if o.event.kind == kind and o.seconds is not None)
                for kind in sorted({one.event.kind for one in found})
            },
        },
    }


def _per_patient(outcome: Outcome, result: Result) -> list[int]:
    counts = dict.fromkeys(result.watched, 0)
    for alarm in outcome.alarms:
        counts[alarm.subject] = counts.get(alarm.subject, 0) + 1
    return list(counts.values())


LENGTH_EDGES_S = (0, 5, 10, 15, 30, 60, 120, 300, 900, 3600, 14400, 86400)


def _lengths(outcome: Outcome) -> list[dict[str, float]]:
    """How many ended alarms lasted from one edge to the next; the last has no end."""
    counts = [0] * len(LENGTH_EDGES_S)
    for alarm in outcome.alarms:
        if alarm.end_us is not None:
            seconds = (alarm.end_us - alarm.raised_us) / 1e6
            counts[max(0, sum(1 for edge in LENGTH_EDGES_S if seconds >= edge) - 1)] += 1
    return [{"from_s": edge, "alarms": count} for edge, count in zip(LENGTH_EDGES_S, counts, strict=True)]
