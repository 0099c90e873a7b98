"""Two rule sets over the same recordings: what each patient, rule and event gains and loses."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from vigil.backtest.alarms import Alarm
from vigil.backtest.burden import Document
from vigil.backtest.catch import Catch
from vigil.recordings.values import iso


def difference(new: Mapping[str, Any], old: Mapping[str, Any]) -> Document:
    """The change of the main figures, relative to the old rules; None where there was nothing."""

    def change(figure: str) -> float | None:
        before, after = old[figure], new[figure]
        return (after - before) / before if before and after is not None else None

    return {
        "alarms_change": change("alarms"),
        "time_in_alarm_change": change("time_in_alarm_share"),
        "by_rule": {
            rule: (new["by_rule"].get(rule, {}).get("alarms", 0)) - (old["by_rule"].get(rule, {}).get("alarms", 0))
            for rule in sorted({*new["by_rule"], *old["by_rule"]})
        },
    }


def per_patient(new: Iterable[Alarm], old: Iterable[Alarm]) -> list[Document]:
    """Every patient whose number of alarms differs, the largest difference first."""
    after, before = Counter(a.subject for a in new), Counter(a.subject for a in old)
    rows = [
        {"patient": who, "rules": after[who], "against": before[who], "difference": after[who] - before[who]}
        for who in {*after, *before}
        if after[who] != before[who]
    ]
    return sorted(rows, key=lambda row: (-abs(int(str(row["difference"]))), str(row["patient"])))


def events(new: list[Catch], old: list[Catch]) -> dict[str, list[Document]]:
    """Events caught by one rule set and not by the other."""
    pairs = list(zip(new, old, strict=True))
    return {
        "newly_caught": [named(a) for a, b in pairs if a.caught and not b.caught],
        "lost": [named(b) for a, b in pairs if b.caught and not a.caught],
    }


def named(catch: Catch) -> Document:
    """An event as the document names it."""
    event = catch.event
    onset = iso(event.onset_us) if event.onset_us is not None else None
    return {"patient": event.subject, "kind": event.kind, "onset": onset}
