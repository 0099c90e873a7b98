"""Locust against the gateway: hubs that send arrays, some of their patients in trouble.

    make load      or:  locust -f load/locustfile.py --host http://127.0.0.1:3000

Each user is a hub of `VIGIL_HUB_DEVICES` devices (default 200), registered through the registry's public
routes (`VIGIL_REGISTRY`, default http://127.0.0.1:8000). A share of `VIGIL_EPISODE_SHARE` (default 0.01) of the
observations carries a deranged vital sign, so that the alarm path is under load too.
"""

import itertools
import json
import os
import random
import time

from locust import FastHttpUser, between, events, task

REGISTRY = os.environ.get("VIGIL_REGISTRY", "http://127.0.0.1:8000")
DEVICES = int(os.environ.get("VIGIL_HUB_DEVICES", "200"))
EPISODE_SHARE = float(os.environ.get("VIGIL_EPISODE_SHARE", "0.01"))
DERANGED = ({"spo2": 79}, {"hr": 0}, {"hr": 168}, {"sbp": 68}, {"rr": 36}, {"temp": 40.9})
_hubs = itertools.count()


class Hub(FastHttpUser):
    """A hub: one array of all its devices' observations each second."""

    wait_time = between(0.9, 1.1)

    def on_start(self) -> None:
        """Registers the hub's devices and patients."""
        hub = next(_hubs)
        self.ids = [f"locust-{hub:03d}-{i:04d}" for i in range(DEVICES)]
        self.random = random.Random(hub)
        patients = [{"patientId": f"p-{d}", "age": self.random.randint(18, 95), "gender": "female"} for d in self.ids]
        devices = [{"deviceId": d, "deviceType": "multiparameter_monitor"} for d in self.ids]
        links = [{"deviceId": d, "patientId": f"p-{d}", "from": "2026-01-01T00:00:00Z"} for d in self.ids]
        for path, rows in (("/patients", patients), ("/devices", devices), ("/devices/link", links)):
            with self.client.post(REGISTRY + path, json=rows, catch_response=True, name=f"registry {path}") as answer:
                if answer.status_code >= 400 and answer.status_code != 409:
                    answer.failure(answer.text)

    @task
    def send(self) -> None:
        """Sends an array; anything but 202 is a failure, 503 one that the hub repeats."""
        now_ms, normal = int(time.time() * 1000), self.random.gauss
        items = []
        for device in self.ids:
            metrics = {
                "hr": round(normal(75, 6)),
                "spo2": min(100, round(normal(97, 1))),
                "rr": round(normal(16, 2)),
                "temp": round(normal(36.9, 0.2), 1),
                "sbp": round(normal(122, 8)),
                "dbp": round(normal(76, 6)),
            }
            if self.random.random() < EPISODE_SHARE:
                metrics.update(self.random.choice(DERANGED))
            items.append({"deviceId": device, "timestamp": now_ms, "metrics": metrics})
        body = json.dumps(items)
        for _ in range(5):
            with self.client.post(
                "/api/telemetry",
                data=body,
                headers={"content-type": "application/json"},
                catch_response=True,
                name=f"array of {DEVICES}",
            ) as answer:
                if answer.status_code == 202:
                    answer.success()
                    return
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                if answer.status_code != 503:
                    return
                time.sleep(float(answer.headers.get("retry-after", 1)))


@events.quitting.add_listener
def _exit_code(environment, **_kwargs):  # type: ignore[no-untyped-def]
    environment.process_exit_code = 1 if environment.stats.total.fail_ratio > 0 else 0
