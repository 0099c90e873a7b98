"""The whole platform, once per log: embedded (Redis Streams) and Apache Kafka."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import unique
from tests.support.platform import Platform


@pytest.fixture(scope="session", params=["redis", pytest.param("kafka", marks=pytest.mark.kafka)])
def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]
) -> Iterator[Platform]:
    """All services on real servers. Tests keep apart by patients and devices of their own."""
    env = {
        "BUS_PREFIX": unique("e2e") + ".",
        "REDIS_URL": request.getfixturevalue("redis_url"),
        "POSTGRES_DSN": new_database(),
    }
    if request.param == "kafka":
        env["KAFKA_BROKERS"] = request.getfixturevalue("kafka_brokers")
    running = Platform(tmp_path_factory.mktemp(f"platform-{request.param}"), env)
    try:
        running.start()
        yield running
    finally:
        codes = running.close()
    assert set(codes.values()) == {0}, f"not drained cleanly: {codes}"
