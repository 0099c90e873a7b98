"""The pipeline as data: its stages, topics, who reads and writes which, and on which ports.

This is the single statement of the journey. Services take their topics from here; tests hold the
services' folders, the documentation and the compose file against it.
"""

from dataclasses import dataclass

RAW = "telemetry.raw"
NORMALIZED = "telemetry.normalized"
ENRICHED = "telemetry.enriched"
SCORED = "telemetry.scored"
ALERTS = "alerts.raised"
DEAD_LETTER = "telemetry.dead-letter"
REGISTRY_CHANGES = "registry.changes"


@dataclass(frozen=True)
class Topic:
    """A topic: `keyed_by` says what its partition is chosen by; `compacted` keeps the last per key."""

    name: str
    message: str
    keyed_by: str
    compacted: bool = False


@dataclass(frozen=True)
class Service:
    """A service: its hyphenated name is also its image and its consumer group."""

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    http_port: int | None = None
    grpc_port: int | None = None
    needs: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The Python package below `services/`."""
        return self.name.replace("-", "_")


TOPICS: tuple[Topic, ...] = (
    Topic(RAW, "TelemetryBatch", "device"),
    Topic(NORMALIZED, "TelemetryBatch", "device"),
    Topic(ENRICHED, "TelemetryBatch", "patient"),
    Topic(SCORED, "TelemetryBatch", "patient"),
    Topic(ALERTS, "AlertEvent", "patient"),
    Topic(DEAD_LETTER, "DeadLetter", "source partition"),
    Topic(REGISTRY_CHANGES, "RegistryChange", "entity id", compacted=True),
)

SERVICES: tuple[Service, ...] = (
    Service("registry", writes=(REGISTRY_CHANGES,), http_port=8000, grpc_port=50051, needs=("postgres", "bus")),
    Service("anomaly-service", http_port=8003, grpc_port=50053),
    Service(
        "telemetry-gateway",
        reads=(REGISTRY_CHANGES,),
        writes=(RAW,),
        http_port=3000,
        grpc_port=50052,
        needs=("bus", "registry"),
    ),
    Service("telemetry-normalizer", reads=(RAW,), writes=(NORMALIZED, DEAD_LETTER), http_port=8001, needs=("bus",)),
    Service(
        "telemetry-enrichment",
        reads=(NORMALIZED, REGISTRY_CHANGES),
        writes=(ENRICHED, DEAD_LETTER),
        http_port=3002,
        needs=("bus", "registry"),
    ),
    Service(
        "rules-engine",
        reads=(ENRICHED,),
        writes=(SCORED, ALERTS, ENRICHED, DEAD_LETTER),
        http_port=8004,
        needs=("bus", "redis", "anomaly-service"),
    ),
    Service(
        "incident-service",
        reads=(ALERTS,),
        writes=(ENRICHED, DEAD_LETTER),
        http_port=3003,
        needs=("bus", "postgres"),
    ),
    Service(
        "notification-service",
        reads=(ALERTS,),
        writes=(DEAD_LETTER,),
        http_port=3004,
        needs=("bus", "postgres", "redis"),
    ),
    Service(
        "analytics",
        reads=(SCORED, ALERTS),
        writes=(DEAD_LETTER,),
        http_port=8005,
        needs=("bus", "postgres"),
    ),
    Service("device-simulator", needs=("telemetry-gateway", "registry")),
)

BY_NAME: dict[str, Service] = {service.name: service for service in SERVICES}
