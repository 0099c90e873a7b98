"""A service that cannot work says why and exits with the code that the operations page names."""

import os
import subprocess
import sys

import pytest

from tests.support.platform import ROOT, free_ports
from vigil import topology

SERVERLESS = {"REDIS_PORT": "1", "POSTGRES_PORT": "1", "START_TIMEOUT_S": "0.2", "BUS_TIMEOUT_S": "0.5"}
NEEDY = [s for s in topology.SERVICES if {"bus", "postgres"} & set(s.needs)]


def run(service: topology.Service, **env: str) -> subprocess.CompletedProcess[str]:
    ports = dict(zip(("HTTP", "GRPC"), map(str, free_ports(2)), strict=True))
    mine = {f"{service.package.upper()}_{kind}_PORT": port for kind, port in ports.items()}
    clean = {k: v for k, v in os.environ.items() if k not in ("KAFKA_BROKERS", "REDIS_URL", "POSTGRES_DSN")}
    environment = {**clean, **mine, **env, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"}
    command = [sys.executable, "-m", f"services.{service.package}"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("service", NEEDY, ids=lambda s: s.name)
def test_a_missing_dependency_is_named(service: topology.Service) -> None:
    done = run(service, **SERVERLESS)
    assert done.returncode == 69, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"{service.name}: ")
    assert "is not available" in last


def test_every_wrong_setting_is_named() -> None:
    done = run(topology.BY_NAME["registry"], BUS_PARTITIONS="many", REDIS_PORT="70000", BIND_HOST="127.0.0.1")
    assert done.returncode == 78
    assert "BUS_PARTITIONS" in done.stderr
    assert "REDIS_PORT" in done.stderr


def test_a_taken_port_is_named() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run(topology.BY_NAME["registry"], REGISTRY_HTTP_PORT=port)
    assert done.returncode == 71, done.stderr
