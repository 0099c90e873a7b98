"""The system under test: every service as a process of its own on a real Kafka, with the CPU each one uses."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from tests.support.platform import PIPELINE, Platform
from vigil import topology

STAGES = ("telemetry-normalizer", "telemetry-enrichment", "rules-engine")
JOURNEY = (topology.RAW, topology.NORMALIZED, topology.ENRICHED, topology.SCORED)
ROOT = Path(__file__).resolve().parents[2]


class System(Platform):
    """A platform that can also run the null relays, and knows what each process costs."""

    def start_relays(self) -> None:
        """Starts the null relays in the places of the services they stand for."""
        names = ["telemetry-gateway", *STAGES, "analytics"]
        self.bus.ensure_topics(self.settings.bus_partitions)
        for name in names:
            self.spawn(name, "load.bench.relay", name)
        for name in names:
            self.wait_ready(name)

    def start_all(self) -> None:
        """Starts the nine services (the generator stands in for the simulator)."""
        self.start(PIPELINE, 90)

    def register(self, device_ids: list[str]) -> None:
        """A patient for every device, through the registry's public routes."""
        url = self.settings.http_url("registry")
        with httpx.Client(base_url=url, timeout=60) as client:
            for at in range(0, len(device_ids), 1000):
                part = device_ids[at : at + 1000]
                patients = [{"patientId": f"p-{d}", "age": 60, "gender": "female", "ward": "bench"} for d in part]
                devices = [{"deviceId": d, "deviceType": "multiparameter_monitor"} for d in part]
                links = [{"deviceId": d, "patientId": f"p-{d}", "from": "2026-01-01T00:00:00Z"} for d in part]
                for path, rows in (("/patients", patients), ("/devices", devices), ("/devices/link", links)):
                    client.post(path, json=rows).raise_for_status()

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds used so far, by service."""
        out = {}
        for name, process in self.processes.items():
            times = psutil.Process(process.pid).cpu_times()
            out[name] = times.user + times.system
        return out

    def lags(self, groups: tuple[str, ...] = (*STAGES, "analytics")) -> dict[str, int]:
        """Uncommitted records by consumer group."""
        return {
            name: sum(self.bus.lag(name, topic) for topic in topology.BY_NAME[name].reads if topic in JOURNEY)
            for name in groups
        }

    def written(self) -> int:
        """Records written so far to the topics that the stages read."""
        topics = [topic for name in STAGES for topic in topology.BY_NAME[name].reads if topic in JOURNEY]
        return sum(held.high for topic in topics for held in self.bus.ranges(topic))

    def drained(self, groups: tuple[str, ...] = (*STAGES, "analytics"), timeout_s: float = 120) -> float:
        """Seconds until none of the groups lags."""
        began = time.monotonic()
        while sum(self.lags(groups).values()) > 0:
            if time.monotonic() - began > timeout_s:
                raise SystemExit(f"the pipeline did not drain in {timeout_s} s: {self.lags(groups)}")
            time.sleep(0.2)
        return time.monotonic() - began

    def generate(self, rate: float, seconds: float, devices: int, per_body: int = 500) -> subprocess.Popen[str]:
        """Starts the load generator."""
        command = [
            sys.executable, "-m", "load.bench.generator", "--port", str(self.settings.http_ports["telemetry-gateway"]),
            "--rate", str(rate), "--seconds", str(seconds), "--devices", str(devices), "--per-body", str(per_body),
        ]  # fmt: skip
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
