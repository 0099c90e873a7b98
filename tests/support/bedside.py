"""A bedside for tests: patients and devices of their own, and what comes of what the devices send."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.conftest import unique
from tests.support import events
from tests.support.platform import Platform, eventually
from vigil import topology
from vigil.pb import events_pb2 as pb


class Bedside:
    """One device, linked to a patient unless `orphan`."""

    def __init__(self, platform: Platform, *, orphan: bool = False) -> None:
        self.platform = platform
        self.device, self.patient = unique("device-"), "" if orphan else unique("patient-")
        self.registry("/devices", {"deviceId": self.device, "deviceType": "monitor"})
        if not orphan:
            self.link(self.patient)

    def registry(self, path: str, body: dict[str, Any]) -> None:
        """POSTs to the registry."""
        httpx.post(self.platform.settings.http_url("registry") + path, json=body, timeout=10).raise_for_status()

    def link(self, patient: str) -> None:
        """The device is on this (new) patient from now on."""
        self.registry("/patients", {"patientId": patient, "age": 60, "gender": "female"})
        # A minute ago, for the first one: what is sent now must not be older than the link.
        start = {"from": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()} if patient == self.patient else {}
        self.registry("/devices/link", {"deviceId": self.device, "patientId": patient, **start})

    def send(self, *, trace: str = "", units: dict[str, str] | None = None, **metrics: float) -> str:
        """Sends one observation; returns its id (32 hex)."""
        body = {"deviceId": self.device, "timestamp": time.time_ns() // 1_000_000, "metrics": metrics}
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"} if trace else {}
        url = self.platform.settings.http_url("telemetry-gateway") + "/api/telemetry"
        answer = httpx.post(url, json=body | ({"units": units} if units else {}), headers=headers, timeout=10)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["eventId"]).replace("-", "")

    def alerts(self, kind: str) -> list[pb.AlertEvent]:
        """The device's alerts of a type, as they are on the log now."""
        return [a for a in events.alerts(self.platform) if a.header.device_id == self.device and a.alert_type == kind]

    def alert(self, kind: str, timeout_s: float = 30.0) -> pb.AlertEvent:
        """Waits for the device's first alert of a type."""
        return eventually(f"{kind} of {self.device}", lambda: self.alerts(kind), timeout_s)[0]

    def seen(self, topic: str = topology.SCORED) -> list[pb.Observation]:
        """The device's observations on a topic, by event time: an orphan's lie in another partition."""
        mine = [o for o in events.observations(self.platform, topic) if o.header.device_id == self.device]
        return sorted(mine, key=lambda o: o.header.event_time_us)

    def scored(self, count: int, timeout_s: float = 30.0) -> list[pb.Observation]:
        """Waits until so many of its observations are scored."""
        eventually(f"{count} scored observations", lambda: len(self.seen()) >= count, timeout_s)
        return self.seen()
