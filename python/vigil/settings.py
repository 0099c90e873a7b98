"""Every setting of every service, typed, in one place; read from the environment and nowhere else.

`Settings.load()` refuses all wrong values at once. `docs/operations.md` is held against this file by a test.
An environment variable's name is the field's name in capitals; the ports and addresses of the services
are `<SERVICE>_HTTP_PORT`, `<SERVICE>_GRPC_PORT` and `<SERVICE>_HOST`, with the service's name in capitals.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints
from urllib.parse import quote

from vigil import topology


class SettingsError(Exception):
    """One or more settings are wrong; `problems` names each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Secret(str):
    """A text that does not show itself in logs, tables or tracebacks."""

    def __repr__(self) -> str:
        return "'***'" if self else "''"


class RoleMap(str):
    """JSON `{"role": {"smtp": "…", "webhook": "…"}}`: whom a channel reaches for a role of an escalation ladder."""

    def __new__(cls, text: str = "") -> "RoleMap":
        """Raises `ValueError` for anything else."""
        roles = json.loads(text) if text.strip() else {}
        good = isinstance(roles, dict) and all(
            isinstance(channels, dict)
            and all(name in ("smtp", "webhook") and isinstance(to, str) and to.strip() for name, to in channels.items())
            for channels in roles.values()
        )
        if not good:
            raise ValueError(text)
        return super().__new__(cls, text)

    def of(self, channel: str) -> dict[str, str]:
        """Role → recipients on this channel."""
        roles = json.loads(self) if self.strip() else {}
        return {role: channels[channel] for role, channels in roles.items() if channel in channels}


def _setting(default: Any, doc: str, *, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The typed environment. Durations carry their unit in the name."""

    # The event log
    kafka_brokers: str = _setting("", "Kafka bootstrap servers; empty = Redis Streams at REDIS_URL is the log")
    bus_partitions: int = _setting(4, "Partitions of every topic; fixed once the topics exist", low=1, high=4096)
    bus_timeout_s: float = _setting(10.0, "How long to wait for the log before it counts as away", low=0.1)
    bus_prefix: str = _setting("", "Prefix of topic and group names, so that several systems share one log")
    bus_session_timeout_s: float = _setting(
        6.0, "A consumer silent for this long loses its partitions to the others", low=0.5, high=300
    )
    bus_queue_bytes_max: int = _setting(
        64_000_000, "Bytes a producer holds unacknowledged before it refuses more", low=1000
    )
    kafka_replication: int = _setting(1, "Replication factor of topics that Vigil creates", low=1)
    kafka_linger_ms: int = _setting(1, "Kafka producer linger; batches are made before it", low=0)
    kafka_compression: str = _setting("lz4", "Kafka compression: none, lz4, zstd, snappy, gzip")
    vigil_kafka_dir: str = _setting("", "Embedded Kafka: folder of its jars and data; empty = .vigil/kafka")
    redis_stream_max_records: int = _setting(
        200_000, "Records a stream keeps after every group has committed them", low=1000
    )
    redis_stream_max_bytes: int = _setting(
        64_000_000, "… or bytes, whichever is less (both are kept beyond this until committed)", low=100_000
    )
    # PostgreSQL and Redis
    postgres_dsn: Secret = _setting(Secret(""), "PostgreSQL DSN; empty = built from POSTGRES_HOST and the like")
    postgres_host: str = _setting("127.0.0.1", "PostgreSQL host")
    postgres_port: int = _setting(5432, "PostgreSQL port", low=1, high=65535)
    postgres_user: str = _setting("vigil", "PostgreSQL user")
    postgres_password: Secret = _setting(Secret(""), "PostgreSQL password")
    postgres_db: str = _setting("vigil", "PostgreSQL database")
    postgres_pool_max: int = _setting(8, "Connections a service keeps at most", low=1)
    redis_url: Secret = _setting(Secret(""), "Redis URL; empty = built from REDIS_HOST and the like")
    redis_host: str = _setting("127.0.0.1", "Redis host")
    redis_port: int = _setting(6379, "Redis port", low=1, high=65535)
    redis_password: Secret = _setting(Secret(""), "Redis password")
    redis_db: int = _setting(0, "Redis database number", low=0)
    # All services
    bind_host: str = _setting("127.0.0.1", "Address the services listen on (0.0.0.0 in a container)")
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    drain_timeout_s: float = _setting(10.0, "Longest orderly stop after SIGTERM", low=0.1)
    start_timeout_s: float = _setting(30.0, "How long a service waits at its start for what it needs", low=0.0)
    # The stages' batch loop
    poll_records_max: int = _setting(256, "Records of one poll", low=1)
    poll_timeout_ms: int = _setting(100, "Longest wait of one poll", low=1)
    poll_gather_ms: float = _setting(
        5.0,
        "Under continuous load a stage waits this long before a poll, so that batches are large; 0 = never",
        low=0.0,
    )
    batch_observations_max: int = _setting(1000, "Observations of one written record", low=1)
    commit_interval_ms: int = _setting(500, "Longest time between commits of acknowledged input", low=0)
    # Gateway
    gateway_batch_observations: int = _setting(1000, "A micro-batch is sent when it holds this many", low=1)
    gateway_linger_ms: float = _setting(2.0, "… or when its first observation is this old", low=0.0)
    gateway_max_body_bytes: int = _setting(4_000_000, "Largest request body, after decompression", low=1000)
    gateway_max_items: int = _setting(10_000, "Most observations of one request", low=1)
    gateway_ack_timeout_s: float = _setting(5.0, "A request not acknowledged by the log in time gets 503", low=0.1)
    gateway_inflight_bytes_max: int = _setting(
        64_000_000, "Bytes that wait for the log's acknowledgement before new requests get 503", low=1
    )
    gateway_retry_after_s: int = _setting(1, "Retry-After of a 503", low=1)
    gateway_require_device_keys: bool = _setting(False, "Refuse devices that were registered without a key")
    gateway_allow_unknown_devices: bool = _setting(False, "Take devices the registry does not know, as orphans")
    gateway_admission_ttl_s: float = _setting(300.0, "How long an admission is believed without asking", low=1)
    # Enrichment
    context_ttl_s: float = _setting(300.0, "How long a context is believed without asking", low=1)
    registry_timeout_ms: int = _setting(500, "Deadline of one look-up at the registry", low=1)
    # Rules and model
    rules_file: str = _setting("", "Rule file; empty = rules/default.toml")
    rules_watch_ms: int = _setting(1000, "How often the rule file is looked at for changes", low=10)
    watchdog_tick_ms: int = _setting(500, "How often the rules engine looks for what is due by the clock", low=10)
    checkpoint_interval_ms: int = _setting(
        2000, "Shortest time between checkpoints of a partition (docs/checkpoints.md)", low=50
    )
    checkpoint_deltas_max: int = _setting(64, "Deltas after which a whole snapshot is written", low=1)
    anomaly_enabled: bool = _setting(True, "Ask the anomaly service; off = scores are unavailable")
    anomaly_timeout_ms: int = _setting(250, "Longest wait for the scores of a poll, over all its partitions", low=1)
    anomaly_slow_ms: int = _setting(200, "A poll that waited longer for one batch's scores counts as a failure", low=1)
    anomaly_inflight_max: int = _setting(4, "ScoreStream messages of one engine on their way at once", low=1, high=64)
    anomaly_failures_max: int = _setting(3, "Failed polls in a row: then the model is not asked for a while", low=1)
    anomaly_retry_after_ms: int = _setting(1000, "The first such pause; it doubles from probe to probe", low=1)
    anomaly_retry_max_ms: int = _setting(5000, "The longest such pause", low=1)
    anomaly_down_after_s: float = _setting(5.0, "An outage of the model that lasts this long raises an alarm", low=0)
    anomaly_up_after_s: float = _setting(5.0, "… which ends when the model has answered for so long again", low=0)
    model_file: str = _setting("", "ONNX model; empty = the one in models/")
    model_threads: int = _setting(1, "Batches the model scores at once, each on one thread", low=1)
    model_batch_rows: int = _setting(8192, "Calls in flight together are scored as one, up to this many rows", low=1)
    model_waiting_rows: int = _setting(262_144, "… further calls are refused while so many rows wait", low=1)
    model_gather_ms: float = _setting(2.0, "… gathered for this long at most while a thread is free", low=0.0)
    model_dir: str = _setting("", "Folder of further models, a directory each, watched; empty = none")
    model_watch_s: float = _setting(5.0, "Time between two looks into MODEL_DIR (SIGHUP: at once)", low=0.05)
    model_shadow_rows: int = _setting(20_000, "Live rows a new model scores in shadow before it is judged", low=1)
    model_shadow_s: float = _setting(60.0, "… over at least this long", low=0.0)
    model_promote_automatically: bool = _setting(False, "A new model within bounds takes over without a command")
    model_rank_agreement_min: float = _setting(
        0.5, "Bounds: least rank correlation of its scores with the active model's", low=-1, high=1
    )
    model_severe_share_difference_max: float = _setting(
        0.02, "Bounds: largest difference of the shares of rows at high or critical", low=0, high=1
    )
    model_time_ratio_max: float = _setting(4.0, "Bounds: its time a row over the active model's", low=0.01)
    model_drift_rows_per_s: int = _setting(500, "Feature rows a second compared with training; 0 = none", low=0)
    # Notification
    notification_rate_per_minute: int = _setting(10, "Notifications a patient may cause per minute", low=1)
    notification_burst: int = _setting(10, "How many of them at once", low=1)
    notification_webhook_url: str = _setting("", "Webhook channel: POST of each notification; empty = off")
    notification_webhook_timeout_s: float = _setting(5.0, "Deadline of one webhook call", low=0.1)
    notification_smtp_host: str = _setting("", "SMTP channel; empty = off")
    notification_smtp_port: int = _setting(25, "SMTP port", low=1, high=65535)
    notification_smtp_from: str = _setting("vigil@localhost", "Sender")
    notification_smtp_to: str = _setting("ward@localhost", "Recipients, separated by commas")
    notification_roles: RoleMap = _setting(
        RoleMap(), 'Recipients per role of a ladder, JSON: {"physician": {"smtp": "…", "webhook": "…"}}; else the above'
    )
    notification_attempts_max: int = _setting(20, "Attempts after which a notification counts as failed", low=1)
    notification_retry_base_s: float = _setting(0.5, "Pause after the first failed attempt; doubles each time", low=0.0)
    notification_retry_max_s: float = _setting(60.0, "Longest pause between attempts", low=0.0)
    # Analytics
    analytics_flush_ms: int = _setting(1000, "Longest time between writes of roll-ups", low=10)
    # Simulator
    simulator_devices: int = _setting(50, "Simulated devices", low=0, high=1_000_000)
    simulator_interval_s: float = _setting(1.0, "Time between a device's observations", low=0.001)
    simulator_episode_rate: float = _setting(2.0, "Injected episodes per device and hour", low=0.0)
    simulator_dip_rate: float = _setting(0.0, "Short desaturations per device and hour, which are no episodes", low=0.0)
    simulator_seed: int = _setting(1, "Seed: the same seed gives the same observations", low=0)
    simulator_duration_s: float = _setting(0.0, "Stop after this long; 0 = run on", low=0.0)
    simulator_transport: str = _setting("http", "http or grpc")
    simulator_episodes: int = _setting(0, "Exactly this many episodes, early in the run, instead of the rate", low=0)
    simulator_truth_file: str = _setting("", "Ground truth of the episodes, a JSON line each; empty = none")
    simulator_start: str = _setting("", "Event time of the first observations, ISO 8601; empty = now")
    simulator_prefix: str = _setting("sim-", "Prefix of the simulated devices' and patients' ids")
    simulator_per_body: int = _setting(500, "Most observations of one request", low=1, high=10_000)
    simulator_connections: int = _setting(8, "Connections to the gateway", low=1, high=256)
    # Command line
    vigil_dir: str = _setting("", "Where `vigil up` keeps data, logs and state; empty = .vigil in the project")
    vigil_data: str = _setting("", "Folder of the recordings; empty = ../shared/data beside the project")
    # Built from the topology
    http_ports: Mapping[str, int] = field(default_factory=dict)
    grpc_ports: Mapping[str, int] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Reads and checks the environment; raises `SettingsError` naming every problem."""
        env = os.environ if environment is None else environment
        problems: list[str] = []
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for item in fields(cls):
            name = item.name.upper()
            if "doc" in item.metadata and env.get(name, "") != "":
                values[item.name] = _parse(name, env[name], hints[item.name], item.metadata, problems)
        values["http_ports"], values["grpc_ports"], values["hosts"] = {}, {}, {}
        for service in topology.SERVICES:
            prefix = service.package.upper()
            values["hosts"][service.name] = env.get(f"{prefix}_HOST") or "127.0.0.1"
            for kind, port in (("http", service.http_port), ("grpc", service.grpc_port)):
                if port is not None:
                    name = f"{prefix}_{kind.upper()}_PORT"
                    bounds = {"low": 1, "high": 65535}
                    values[f"{kind}_ports"][service.name] = _parse(
                        name, env.get(name) or str(port), int, bounds, problems
                    )
        if problems:
            raise SettingsError(problems)
        return cls(**values)

    def dsn(self) -> str:
        """The PostgreSQL DSN."""
        if self.postgres_dsn:
            return str(self.postgres_dsn)
        auth = quote(self.postgres_user, safe="")
        if self.postgres_password:
            auth += ":" + quote(str(self.postgres_password), safe="")
        return f"postgresql://{auth}@{self.postgres_host}:{self.postgres_port}/{self.postgres_db}"

    def redis(self) -> str:
        """The Redis URL."""
        if self.redis_url:
            return str(self.redis_url)
        auth = f":{quote(str(self.redis_password), safe='')}@" if self.redis_password else ""
        return f"redis://{auth}{self.redis_host}:{self.redis_port}/{self.redis_db}"

    def http_url(self, service: str) -> str:
        """Where a service's HTTP edge is reached."""
        return f"http://{self.hosts[service]}:{self.http_ports[service]}"

    def grpc_target(self, service: str) -> str:
        """Where a service's gRPC edge is reached."""
        return f"{self.hosts[service]}:{self.grpc_ports[service]}"


def _parse(name: str, text: str, kind: type, limits: Mapping[str, Any], problems: list[str]) -> Any:
    try:
        value: Any = _bool(text) if kind is bool else kind(text)
    except ValueError:
        problems.append(f"{name}: '{text}' is not a valid {kind.__name__}")
        return None
    low, high = limits.get("low"), limits.get("high")
    if kind in (int, float) and not ((low is None or value >= low) and (high is None or value <= high)):
        problems.append(f"{name}: {text} is outside {'-∞' if low is None else low} … {'∞' if high is None else high}")
    return value


def _bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off"}:
        return False
    raise ValueError(text)
