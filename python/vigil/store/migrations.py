"""SQL migrations: `0001_name.sql`, … applied once, in order, under a lock, and recorded with their digest."""

import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple

_FILE = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


class MigrationError(Exception):
    """The migrations on disk do not fit those the database has."""


class Migration(NamedTuple):
    """One file."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """What was applied, so that a later edit of the file is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load(folder: Path) -> list[Migration]:
    """The folder's migrations; versions must be 1, 2, 3 …"""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.match(path.name)
        if not match:
            raise MigrationError(f"{path.name}: a migration is named 0001_what_it_does.sql")
        found.append(Migration(int(match[1]), path.name, path.read_text(encoding="utf-8")))
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"{folder}: versions must run 1, 2, 3 … without gaps")
    return found


async def migrate(connection: Any, schema: str, folder: Path) -> list[str]:
    """Brings `schema` up to date in one transaction; returns the names of what was applied now.

    Several processes may start at once: the first does it, the others wait at the lock and find it done.
    Raises `MigrationError` when an applied file was edited, or the database is newer than this program.
    """
    wanted = load(folder)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"vigil.migrations.{schema}")
        # CREATE SCHEMA and the table are skipped when present: a restricted role may lack the right to create.
        if not await connection.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = $1", schema):
            await connection.execute(f'CREATE SCHEMA "{schema}"')
        await connection.execute(f'SET LOCAL search_path TO "{schema}"')
        if not await connection.fetchval("SELECT to_regclass($1)", f"{schema}.schema_migrations"):
            await connection.execute(
                "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, "
                "sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
        rows = await connection.fetch("SELECT version, name, sha256 FROM schema_migrations ORDER BY version")
        for row, migration in zip(rows, wanted, strict=False):
            if row["sha256"] != migration.digest:
                raise MigrationError(f"{schema}: {migration.name} was edited after it was applied")
        if len(rows) > len(wanted):
            raise MigrationError(f"{schema}: the database is at version {len(rows)}, this program at {len(wanted)}")
        fresh = wanted[len(rows) :]
        for migration in fresh:
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.digest,
            )
    return [m.name for m in fresh]
