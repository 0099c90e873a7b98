"""Real servers for the tests, and the recordings. Nothing here listens on a default port.

PostgreSQL and Redis are started once per test process, Kafka once per run (workers share it). Tests keep
apart by databases and by BUS_PREFIX of their own.
"""

import fcntl
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from confluent_kafka.admin import AdminClient

from vigil.bus import connect
from vigil.bus.port import Bus
from vigil.embedded import server
from vigil.embedded.kafka import EmbeddedKafka
from vigil.embedded.postgres import EmbeddedPostgres
from vigil.embedded.redis import EmbeddedRedis
from vigil.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


def unique(stem: str) -> str:
    """A name that no other test has."""
    return f"{stem}{uuid.uuid4().hex[:10]}"


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Gives a free loopback port at each call."""
    return server.free_port


# PostgreSQL -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The PostgreSQL of this test process."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture(scope="session")
def new_database(postgres_server: EmbeddedPostgres) -> Callable[[], str]:
    """Makes an empty database at each call and gives its DSN."""

    def make() -> str:
        name = unique("t")
        postgres_server.sql(f"CREATE DATABASE {name}")
        return postgres_server.dsn_of(name)

    return make


@pytest.fixture(scope="module")
def postgres_dsn(new_database: Callable[[], str]) -> str:
    """A database of this test module's own."""
    return new_database()


# Redis ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """The Redis of this test process."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="session")
def redis_url(redis_server: EmbeddedRedis) -> str:
    """The URL of this test process's Redis; keep apart from other tests by key prefixes."""
    return redis_server.url


# Kafka ----------------------------------------------------------------------------------------------


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _users(path: Path, change: int) -> int:
    users = (int(path.read_text()) if path.exists() else 0) + change
    path.write_text(str(users))
    return users


@pytest.fixture(scope="session")
def kafka_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Brokers of a real Kafka, shared by the processes of one run; the last one stops it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    lock, users = base / "kafka.lock", base / "kafka.users"
    kafka = EmbeddedKafka(base / "kafka", short_lived=True)
    with _locked(lock):
        kafka.start()
        kafka.leave()
        _users(users, +1)
    yield kafka.brokers
    with _locked(lock):
        if _users(users, -1) == 0:
            kafka.start()
            kafka.stop()


# The bus --------------------------------------------------------------------------------------------


@pytest.fixture(params=["redis", pytest.param("kafka", marks=pytest.mark.kafka)])
def bus_environment(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The environment of a log of this test's own, once on Redis and once on Kafka."""
    environment = {"BUS_PREFIX": unique("t") + ".", "REDIS_URL": request.getfixturevalue("redis_url")}
    if request.param == "kafka":
        environment["KAFKA_BROKERS"] = request.getfixturevalue("kafka_brokers")
    yield environment
    _drop_topics(environment)


def _drop_topics(environment: dict[str, str]) -> None:
    """Keeps the shared brokers small over a long run."""
    prefix = environment["BUS_PREFIX"]
    if "KAFKA_BROKERS" in environment:
        admin = AdminClient({"bootstrap.servers": environment["KAFKA_BROKERS"], "log_level": 0})
        mine = [name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix)]
        for deleted in admin.delete_topics(mine).values() if mine else ():
            deleted.result(10)
    else:
        with redis.Redis.from_url(environment["REDIS_URL"]) as client:
            for key in client.scan_iter(f"{prefix}*"):
                client.unlink(key)


@pytest.fixture
def bus_settings(bus_environment: dict[str, str]) -> Settings:
    """The settings of `bus_environment`."""
    return Settings.load(bus_environment)


@pytest.fixture
def bus(bus_settings: Settings) -> Iterator[Bus]:
    """A log with every topic of the topology made."""
    connection = connect(bus_settings)
    connection.ensure_topics(bus_settings.bus_partitions)
    yield connection
    connection.close()


# Recordings -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recordings; the test is skipped where it is absent."""
    folder = Path(os.environ.get("VIGIL_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}; set VIGIL_DATA to their folder")
    return folder
