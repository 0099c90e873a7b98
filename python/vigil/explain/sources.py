"""Where an alarm's steps are found: the incident service, the log, or a replay's `alerts.jsonl`."""

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec

from vigil import events, topology
from vigil.bus.port import Bus
from vigil.explain.episode import explain_episode
from vigil.pb import events_pb2 as pb

Json = dict[str, Any]
_TIMEOUT_S = 3.0


class ServiceAway(Exception):
    """The incident service does not answer, or not as it should."""


def from_service(url: str, alert_id: UUID) -> Json | None:
    """The incident service's explanation; None when it does not know the alert. Raises `ServiceAway`."""
    try:
        answer = httpx.get(f"{url}/alerts/{alert_id}/explanation", timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        raise ServiceAway(type(error).__name__) from error
    if answer.status_code == 404:
        return None
    if not answer.is_success:
        raise ServiceAway(f"HTTP {answer.status_code}")
    return {name: value for name, value in answer.json().items() if name != "text"}


def from_log(log: Bus, alert_id: UUID) -> Json | None:
    """The explanation from what alerts.raised still holds; None when nothing is there."""
    wanted = alert_id.bytes
    for held in log.ranges(topology.ALERTS):
        values = [r.value for r in log.read(held.position, held.low, held.high)]
        named = [pb.AlertEvent.FromString(value) for value in values if wanted in value]
        episodes = {a.episode_id for a in named if wanted in (a.episode_id, a.header.event_id)}
        if episodes:
            episode = wanted if wanted in episodes else episodes.pop()
            found = (pb.AlertEvent.FromString(value) for value in values if episode in value)
            return explain_episode([events.alert(a) for a in found if a.episode_id == episode])
    return None


def from_file(path: Path, alert_id: UUID) -> Json | None:
    """The explanation from a replay's folder or its `alerts.jsonl`."""
    file = path / "alerts.jsonl" if path.is_dir() else path
    wanted = str(alert_id)
    alerts: list[Json] = []
    with file.open("rb") as lines:
        alerts = [msgspec.json.decode(line) for line in lines if line.strip()]
    episode = next((a["episode_id"] for a in alerts if wanted in (a["episode_id"], a["event_id"])), None)
    return explain_episode([a for a in alerts if a["episode_id"] == episode]) if episode else None
