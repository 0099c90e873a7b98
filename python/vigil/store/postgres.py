"""PostgreSQL for the services that keep something: a pool per service, a schema of its own, its migrations."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from vigil.store.migrations import migrate

if TYPE_CHECKING:
    from vigil.runtime.service import Service

UNAVAILABLE: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)
"""Errors that say the database is away or busy and the same statement may succeed later (see `is_away`)."""
_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.PLPGSQLError)


def is_away(error: BaseException) -> bool:
    """Whether the database is away or busy. asyncpg's own `DataError`, a wrong argument, is an `InterfaceError` too."""
    return isinstance(error, UNAVAILABLE) and not isinstance(error, ValueError)


def is_refusal(error: BaseException) -> bool:
    """Whether these very values are refused. Any other error of the database is not the record's fault."""
    return not isinstance(error, (asyncpg.PostgresError, *UNAVAILABLE)) or isinstance(error, (*_REFUSED, ValueError))


async def _initialise(connection: Any) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind,
            schema="pg_catalog",
            encoder=lambda value: msgspec.json.encode(value).decode(),
            decoder=msgspec.json.decode,
        )


async def open_pool(dsn: str, schema: str, migrations: Path, pool_max: int = 8) -> Any:
    """Migrates `schema`, then opens a pool whose connections look there first. JSON columns are Python values."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await migrate(connection, schema, migrations)
    finally:
        await connection.close()
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=pool_max,
        timeout=10,
        command_timeout=60,
        init=_initialise,
        server_settings={"search_path": schema, "application_name": f"vigil-{schema}", "timezone": "UTC"},
    )


async def connect(service: "Service", migrations: Path) -> Any:
    """The service's pool: waits for the database, migrates the schema named after the service, closes on drain.

    The health check `postgres` is pushed by whoever uses the pool in a loop (a sink, a relay).
    """
    schema = service.name.replace("-", "_")
    pool: Any = None

    async def probe() -> None:
        nonlocal pool
        pool = await open_pool(service.settings.dsn(), schema, migrations, service.settings.postgres_pool_max)

    await service.require("postgres", probe)
    service.on_drain("postgres", pool.close)
    return pool
