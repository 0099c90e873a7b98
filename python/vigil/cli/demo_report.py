"""What a demo run did, collected from the log and the public REST edges, and shown as tables."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from rich.console import RenderableType
from rich.table import Table

from vigil import bus, topology
from vigil.cli import audit
from vigil.recordings.values import from_iso
from vigil.settings import Settings

if TYPE_CHECKING:
    from vigil.bus.port import Bus

Json = dict[str, Any]
PAGE = 100


@dataclass
class Fate:
    """One injected episode and what followed."""

    truth: Json
    alert: Json | None = None
    priority: str = ""
    incident: Json | None = None
    notifications: list[Json] = field(default_factory=list)


@dataclass
class Report:
    """Everything the tables need."""

    ledger: audit.Report = field(default_factory=dict)
    difference: int = 0
    lag: int = 0
    observations: int = 0
    alerts: list[Json] = field(default_factory=list)
    incidents: list[Json] = field(default_factory=list)
    notifications: list[Json] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    to_alert_ms: list[float] = field(default_factory=list)
    to_incident_ms: list[float] = field(default_factory=list)

    def is_good(self) -> bool:
        """Nothing missing: the ledger balances, and every episode has its alert and incident."""
        return self.difference == 0 and bool(self.fates) and all(f.alert and f.incident for f in self.fates)


def collect(settings: Settings, truth: Path, began_us: int, settle_s: float) -> Report:
    """Waits until the consumers have caught up, then reads."""
    episodes = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()] if truth.exists() else []
    report = Report(fates=[Fate(episode) for episode in episodes])
    log = bus.connect(settings)
    try:
        report.lag = audit.caught_up(log, settle_s)
        report.ledger, trimmed = audit.take(log)
        report.difference = audit.difference(report.ledger, trimmed)
        report.alerts = [alert for alert in _alerts(log) if _us(alert["ingest_time"]) >= began_us]
    finally:
        log.close()
    report.observations = report.ledger["raw"]["distinct"]
    _follow(report, settings, settle_s)
    return report


def _follow(report: Report, settings: Settings, settle_s: float) -> None:
    """Joins alerts, incidents and notifications by episode; waits for slow sinks."""
    started = {a["episode_id"]: a for a in report.alerts if a["phase"] == "start"}
    for fate in report.fates:
        fate.alert = _alert_of(fate.truth, started.values())
    deadline = time.monotonic() + settle_s
    wanted = {fate.alert["episode_id"] for fate in report.fates if fate.alert}
    while True:
        incidents = _pages(settings.http_url("incident-service") + "/incidents")
        report.incidents = [i for i in incidents if i["incidentId"] in started]
        notes = _pages(settings.http_url("notification-service") + "/notifications")
        report.notifications = [n for n in notes if n.get("episodeId") in started]
        told = {n.get("episodeId") for n in report.notifications}
        if wanted <= {i["incidentId"] for i in report.incidents} & told or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    by_episode = {i["incidentId"]: i for i in report.incidents}  # an incident has its episode's id
    for fate in report.fates:
        if fate.alert:
            fate.priority = _highest(report.alerts, fate.alert["episode_id"])
            fate.incident = by_episode.get(fate.alert["episode_id"])
            fate.notifications = [n for n in report.notifications if n.get("episodeId") == fate.alert["episode_id"]]
    report.to_alert_ms = [(_us(a["process_time"]) - _us(a["ingest_time"])) / 1000 for a in started.values()]
    report.to_incident_ms = [
        (_us(incident["openedAt"]) - _us(started[episode]["ingest_time"])) / 1000
        for episode, incident in by_episode.items()
    ]


def _alert_of(truth: Json, started: Iterable[Json]) -> Json | None:
    """The START that the episode explains: its patient, its expected type, not before its onset."""
    types = {expected["alertType"] for expected in truth["expected"]}
    fitting = [
        alert
        for alert in started
        if alert["patient_id"] == truth["patientId"]
        and alert["alert_type"] in types
        and _us(alert["event_time"]) >= from_iso(truth["onset"])
    ]
    return min(fitting, key=lambda alert: alert["event_time"], default=None)


def _highest(alerts: list[Json], episode_id: str) -> str:
    """The highest priority an episode reached."""
    reached = {alert["priority"] for alert in alerts if alert["episode_id"] == episode_id}
    return next((priority for priority in ("high", "medium", "low") if priority in reached), "")


def _alerts(log: "Bus") -> Iterator[Json]:
    from vigil.events import to_json

    for held in log.ranges(topology.ALERTS):
        for record in log.read(held.position, held.low, held.high):
            yield from to_json(topology.ALERTS, record.value)


def _pages(url: str) -> list[Json]:
    found: list[Json] = []
    with httpx.Client(timeout=10) as client:
        page = 1
        while True:
            answer = client.get(url, params={"limit": PAGE, "page": page})
            answer.raise_for_status()
            content = answer.json()
            found += content["items"]
            if page * PAGE >= content["total"] or not content["items"]:
                return found
            page += 1


def _us(text: str) -> int:
    return from_iso(text)


# Shown ------------------------------------------------------------------------------------------------


def render(report: Report) -> Iterator[RenderableType]:
    """The tables."""
    yield _overview(report)
    yield _episodes(report)
    yield audit.table(report.ledger)
    style = "bold green" if report.difference == 0 else "bold red"
    yield f"[{style}]ledger difference {report.difference}[/]" + (f", {report.lag} under way" if report.lag else "")


def _overview(report: Report) -> Table:
    table = Table(title="What happened", title_justify="left", show_header=False)
    starts = [a for a in report.alerts if a["phase"] == "start"]
    physiological = [a["episode_id"] for a in starts if a["kind"] == "physiological"]
    priorities = Counter(_highest(report.alerts, episode) for episode in physiological)
    technical = sum(a["kind"] == "technical" for a in starts)
    table.add_row("observations in the log", f"{report.observations:,}")
    by_priority = " · ".join(f"{name} {priorities[name]}" for name in ("high", "medium", "low"))
    table.add_row("alarms raised", f"{len(starts)}: {by_priority} · technical {technical}")
    table.add_row("incidents", f"{len(report.incidents):,}")
    statuses = Counter(n["status"] for n in report.notifications)
    table.add_row("notifications", ", ".join(f"{n} {status}" for status, n in statuses.most_common()) or "0")
    table.add_row("observation → alert", _percentiles(report.to_alert_ms))
    table.add_row("observation → incident", _percentiles(report.to_incident_ms))
    return table


def _percentiles(values: list[float]) -> str:
    if not values:
        return "–"
    ordered = sorted(values)
    parts = [(name, ordered[min(len(ordered) - 1, int(share * len(ordered)))]) for name, share in _SHARES]
    return "  ".join(f"{name} {value:,.0f} ms" for name, value in parts)


_SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))


def _episodes(report: Report) -> Table:
    table = Table(title="Injected episodes", title_justify="left")
    for column in ("episode", "patient", "alert", "priority", "after", "incident", "notifications"):
        table.add_column(column)
    for fate in report.fates:
        truth, alert, incident = fate.truth, fate.alert, fate.incident
        after = (_us(alert["event_time"]) - _us(truth["onset"])) / 1e6 if alert else 0
        table.add_row(
            truth["kind"],
            truth["patientId"],
            alert["alert_type"] if alert else "[bold red]none[/]",
            fate.priority,
            f"{after:.0f} s" if alert else "",
            incident["status"] if incident else "[bold red]none[/]",
            ", ".join(sorted({f"{n['channel']} {n['status']}" for n in fate.notifications})) or "–",
        )
    return table
