"""Prometheus metrics shared by the services. Labels are bounded: no ids, no free text.

Per-stage counters reconcile end to end: in = out + dead-lettered (`vigil audit` proves it from the log).
"""

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

OBSERVATIONS_IN = Counter("vigil_observations_in", "Observations read", ["stage"])
OBSERVATIONS_OUT = Counter("vigil_observations_out", "Observations written and acknowledged", ["stage"])
OBSERVATIONS_DEAD = Counter("vigil_observations_dead_lettered", "Observations dead-lettered", ["stage"])
RECORDS_IN = Counter("vigil_records_in", "Log records read", ["stage"])
RECORDS_OUT = Counter("vigil_records_out", "Log records written and acknowledged", ["stage"])
NOTICES = Counter("vigil_notices", "Things noticed about observations, by bounded name", ["stage", "name"])
ERRORS = Counter("vigil_errors", "Errors by bounded code", ["stage", "error_code"])
BATCH_SECONDS = Histogram("vigil_batch_seconds", "Time of one step of a batch", ["stage", "step"], buckets=FAST)
LATENCY_SECONDS = Histogram(
    "vigil_ingest_latency_seconds", "From the gateway's ingest time to this stage's output", ["stage"], buckets=FAST
)
LAG_RECORDS = Gauge(
    "vigil_consumer_lag_records", "Records of a topic that the stage has not committed", ["stage", "topic"]
)
READY = Gauge("vigil_ready", "1 when the service is ready", ["service"])


def exposition() -> tuple[str, bytes]:
    """Content type and body of `/metrics`."""
    return CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
