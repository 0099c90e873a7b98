"""Migrations: once, in order, by whoever comes first; never silently different."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from vigil.store.migrations import MigrationError, load
from vigil.store.postgres import open_pool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE things (name text PRIMARY KEY);")
    (tmp_path / "0002_second.sql").write_text("INSERT INTO things VALUES ('once');")
    return tmp_path


async def test_several_processes_migrate_once(new_database: Callable[[], str], folder: Path) -> None:
    dsn = new_database()
    pools = await asyncio.gather(*(open_pool(dsn, "some_service", folder) for _ in range(4)))
    assert [r["name"] for r in await pools[0].fetch("SELECT name FROM things")] == ["once"]
    (folder / "0003_third.sql").write_text("INSERT INTO things VALUES ('later');")
    pools.append(await open_pool(dsn, "some_service", folder))
    pools.append(await open_pool(dsn, "another_service", folder))
    assert await pools[0].fetchval("SELECT count(*) FROM things") == 2
    for pool in pools:
        await pool.close()


async def test_an_edited_or_missing_migration_is_refused(new_database: Callable[[], str], folder: Path) -> None:
    dsn = new_database()
    await (await open_pool(dsn, "some_service", folder)).close()
    (folder / "0002_second.sql").write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="edited"):
        await open_pool(dsn, "some_service", folder)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(MigrationError, match="version 2"):
        await open_pool(dsn, "some_service", folder)


async def test_a_migration_that_fails_leaves_nothing(new_database: Callable[[], str], folder: Path) -> None:
    dsn = new_database()
    (folder / "0003_third.sql").write_text("INSERT INTO things VALUES ('half'); SELECT 1/0;")
    with pytest.raises(Exception, match="division by zero"):
        await open_pool(dsn, "some_service", folder)
    (folder / "0003_third.sql").unlink()
    pool = await open_pool(dsn, "some_service", folder)
    assert await pool.fetchval("SELECT count(*) FROM things") == 1
    await pool.close()


@pytest.mark.parametrize("name", ["first.sql", "1_first.sql", "0002_first.sql", "0001-First.sql"])
def test_names_and_numbers_are_held(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError):
        load(tmp_path)
