"""What a day's spool, sent at once, does to everybody else's alarms.

python -m load.bench.spool [--rate 2000] [--seconds 20]

The whole platform runs on Kafka; live devices send at a steady rate, some of them alarming at each observation. Then
one more device sends what it remembers of a day, 86,400 observations of an asystole, as fast as the gateway takes
them. Latency counts from the intended send time to the alert, apart for those who share a partition with the spool.
"""

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from load.bench.bodies import Fleet
from load.bench.generator import percentiles
from load.bench.sustained import AlertClock
from load.bench.system import STAGES, System
from vigil import topology
from vigil.core import partition_of
from vigil.embedded.kafka import EmbeddedKafka
from vigil.embedded.postgres import EmbeddedPostgres
from vigil.embedded.redis import EmbeddedRedis
from vigil.pb import events_pb2

SPOOLER, DAY, REQUEST = "spool-1", 86_400, 9_600
console = Console()


class Watch(AlertClock):
    """Also keeps whose alert it was, and what the spooler raised."""

    def __init__(self, system: System) -> None:
        self.seen: list[tuple[str, float]] = []
        self.of_spool = 0
        super().__init__(system)

    def _run(self) -> None:
        while not self._stop.is_set():
            for record in self._consumer.poll(500, 0.02):
                now = time.time()
                header = events_pb2.AlertEvent.FromString(record.value).header
                self.of_spool += header.device_id == SPOOLER
                if header.device_id.startswith("bench-"):
                    self.seen.append((header.device_id, now * 1000 - header.event_time_us / 1000))
        self._consumer.close()


def observation(at_s: float, heart_rate: int) -> dict[str, Any]:
    """What the spooler says."""
    when = datetime.fromtimestamp(at_s, UTC).isoformat()
    return {"deviceId": SPOOLER, "timestamp": when, "metrics": {"hr": heart_rate, "spo2": 96, "rr": 15}}


def spool(system: System) -> float:
    """Sends it; returns the seconds it took until the gateway had acknowledged all of it."""
    url = system.settings.http_url("telemetry-gateway") + "/api/telemetry"
    with httpx.Client(timeout=60) as client:
        began, now = time.perf_counter(), time.time()
        client.post(url, json=observation(now, 72)).raise_for_status()  # it is live
        bodies = [[observation(now - DAY + n, 0) for n in range(at, at + REQUEST)] for at in range(0, DAY, REQUEST)]
        began = time.perf_counter()
        for body in bodies:
            client.post(url, json=body).raise_for_status()
        return time.perf_counter() - began


def latencies(system: System, rate: float, seconds: float, *, spooled: bool) -> dict[str, Any]:
    """Alert latency in ms while live devices send at `rate`, with the spool or without."""
    fleet = Fleet(2000, per_body=10)
    watch = Watch(system)
    generator = system.generate(rate, seconds, fleet.devices, fleet.per_body)
    time.sleep(seconds / 4)
    watch.seen.clear()
    made: dict[str, Any] = {"acknowledged in (s)": round(spool(system), 2)} if spooled else {}
    generator.communicate()
    system.drained(STAGES)
    time.sleep(0.3)
    watch.stop()
    partitions = system.settings.bus_partitions

    def together(device: str) -> bool:
        return partition_of(device, partitions) == partition_of(SPOOLER, partitions) or partition_of(
            f"p-{device}", partitions
        ) == partition_of(f"p-{SPOOLER}", partitions)

    for name, beside in (("beside the spool", True), ("in other partitions", False)):
        made[name] = percentiles([ms for device, ms in watch.seen if together(device) == beside])
    if watch.of_spool:
        raise SystemExit(f"the spool raised {watch.of_spool} alarms")
    return made


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m load.bench.spool", description=__doc__)
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
        path = Path(folder)
        servers = EmbeddedPostgres(path / "postgres"), EmbeddedRedis(path / "redis"), EmbeddedKafka(path / "kafka")
        with servers[0] as postgres, servers[1] as redis, servers[2] as kafka:
            postgres.sql("CREATE DATABASE spool")
            env = {
                "KAFKA_BROKERS": kafka.brokers,
                "REDIS_URL": redis.url,
                "POSTGRES_DSN": postgres.dsn_of("spool"),
                "BUS_PREFIX": f"spool.{int(time.time())}.",
                "LOG_LEVEL": "WARNING",
                "BUS_PARTITIONS": "4",
            }
            system = System(path / "system", env)
            try:
                system.start_all()
                system.register([*Fleet(2000, per_body=10).device_ids(), SPOOLER])
                latencies(system, options.rate, 8, spooled=False)  # warms up
                for spooled in (False, True, False, True):
                    console.print("with the spool" if spooled else "without", highlight=False)
                    for name, value in latencies(system, options.rate, options.seconds, spooled=spooled).items():
                        console.print(f"  {name:22} {value}", highlight=False)
                late = sum(
                    bool(one.scores.flags & events_pb2.OBSERVATION_FLAG_LATE)
                    for held in system.bus.ranges(topology.SCORED)
                    for record in system.bus.read(held.position, held.low, held.high)
                    for one in events_pb2.TelemetryBatch.FromString(record.value).observations
                    if one.header.device_id == SPOOLER
                )
                console.print(f"{late:,} observations of the spools were kept and marked late", highlight=False)
            finally:
                system.close()


if __name__ == "__main__":
    main()
