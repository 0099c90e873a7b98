"""The registry and the incident service, wired to real PostgreSQL: in this process, or as processes of their own."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.incident_service import routes as incident_routes
from services.registry import routes as registry_routes
from tests.conftest import unique
from tests.support.platform import Platform
from vigil.runtime.rest import serve
from vigil.store.postgres import open_pool

ROOT = Path(__file__).resolve().parents[3]


class SilentRelay:
    """Stands where the relay does when only the tables and routes are tested."""

    def wake(self) -> None:
        """Nothing to do."""


def client_of(app: Any) -> httpx.AsyncClient:
    """A client of an application in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=serve(app)), base_url="http://test", timeout=60)


@pytest.fixture
async def registry_pool(new_database: Callable[[], str]) -> AsyncIterator[Any]:
    """An empty registry database of this test's own."""
    pool = await open_pool(new_database(), "registry", ROOT / "services/registry/migrations")
    yield pool
    await pool.close()


@pytest.fixture
async def registry(registry_pool: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The registry's routes."""
    async with client_of(registry_routes.application(registry_pool, SilentRelay())) as client:  # type: ignore[arg-type]
        yield client


@pytest.fixture
async def incident_pool(new_database: Callable[[], str]) -> AsyncIterator[Any]:
    """An empty incident database of this test's own."""
    pool = await open_pool(new_database(), "incident_service", ROOT / "services/incident_service/migrations")
    yield pool
    await pool.close()


@pytest.fixture
async def incidents(incident_pool: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The incident service's routes."""
    async with client_of(incident_routes.application(incident_pool)) as client:
        yield client


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str], redis_url: str
) -> Iterator[Platform]:
    """Free ports, an empty database, and a log on Redis; the test starts the services it needs."""
    env = {"POSTGRES_DSN": new_database(), "REDIS_URL": redis_url, "BUS_PREFIX": unique("t") + "."}
    made = Platform(tmp_path_factory.mktemp("platform"), env)
    yield made
    assert set(made.close().values()) <= {0}
