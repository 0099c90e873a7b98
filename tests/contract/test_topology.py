"""Services, compose file and documents say what `vigil.topology` says."""

from pathlib import Path

import pytest
import yaml

from vigil import topology

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
INFRASTRUCTURE = {"bus": "kafka", "postgres": "postgres", "redis": "redis"}
CONTRACT_PORTS = {
    "telemetry-gateway": (3000, 50052),
    "telemetry-normalizer": (8001, None),
    "telemetry-enrichment": (3002, None),
    "rules-engine": (8004, None),
    "anomaly-service": (8003, 50053),
    "incident-service": (3003, None),
    "notification-service": (3004, None),
    "analytics": (8005, None),
    "registry": (8000, 50051),
    "device-simulator": (None, None),
}
services = pytest.mark.parametrize("service", topology.SERVICES, ids=lambda s: s.name)


def test_the_ten_services_have_the_ports_clients_know() -> None:
    assert {s.name: (s.http_port, s.grpc_port) for s in topology.SERVICES} == CONTRACT_PORTS


def test_every_topic_has_a_writer_and_a_reader() -> None:
    written = {t for s in topology.SERVICES for t in s.writes}
    read = {t for s in topology.SERVICES for t in s.reads}
    names = {t.name for t in topology.TOPICS}
    assert written == names
    # Dead letters are read by people, through the command line.
    assert read == names - {topology.DEAD_LETTER}


def test_the_service_folders_are_those_of_the_topology() -> None:
    folders = {p.parent.name for p in (ROOT / "services").glob("*/__main__.py")}
    assert folders == {s.package for s in topology.SERVICES}


@services
def test_a_service_names_itself_once(service: topology.Service) -> None:
    text = (ROOT / "services" / service.package / "service.py").read_text()
    assert f'NAME = "{service.name}"' in text


@services
def test_compose_runs_the_service(service: topology.Service) -> None:
    entry = COMPOSE["services"][service.name]
    assert entry["command"] == ["python", "-m", f"services.{service.package}"]
    ports = [p for p in (service.http_port, service.grpc_port) if p]
    assert entry.get("ports", []) == [f"127.0.0.1:{p}:{p}" for p in ports]
    needs = {INFRASTRUCTURE.get(n, n) for n in service.needs}
    assert set(entry.get("depends_on", {})) == needs
    assert all(d == {"condition": "service_healthy"} for d in entry.get("depends_on", {}).values())
    if service.http_port:
        assert f":{service.http_port}/readyz" in entry["healthcheck"]["test"][-1]


def test_compose_holds_nothing_else() -> None:
    infrastructure = {"kafka", "kafka-ui", "postgres", "redis"}
    assert set(COMPOSE["services"]) == {s.name for s in topology.SERVICES} | infrastructure


def test_every_compose_variable_is_a_setting() -> None:
    from dataclasses import fields

    from vigil.settings import Settings

    known = {f.name.upper() for f in fields(Settings)}
    known |= {f"{s.package.upper()}_HOST" for s in topology.SERVICES}
    assert set(COMPOSE["x-service"]["environment"]) <= known
    example = (ROOT / "deploy" / ".env.example").read_text().splitlines()
    names = {line.split("=")[0] for line in example if line and not line.startswith("#")}
    assert names <= known


@services
def test_the_architecture_page_names_the_service(service: topology.Service) -> None:
    assert f"services/{service.package}/" in (ROOT / "ARCHITECTURE.md").read_text()


@pytest.mark.parametrize("topic", topology.TOPICS, ids=lambda t: t.name)
def test_the_events_page_describes_the_topic(topic: topology.Topic) -> None:
    text = (ROOT / "docs" / "events.md").read_text()
    assert topic.name in text
    assert topic.message in text
