"""What the tables share: idempotent registration in bulk."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from vigil.runtime.problem import FieldError, Problem

Row = dict[str, Any]


class Registered(NamedTuple):
    """What became of a bulk: ids that are new, and ids that were there with the same content."""

    created: set[str]
    unchanged: set[str]


def hexed(value: bytes | None) -> str | None:
    """Bytes as PostgreSQL reads them from JSON."""
    return None if value is None else "\\x" + value.hex()


def at(index: int | None, field: str) -> str:
    """A field's path: of item `index` of an array, or of the one object."""
    return field if index is None else f"[{index}].{field}"


async def register(connection: Any, table: str, key: str, field: str, rows: Sequence[Row], *, many: bool) -> Registered:
    """Inserts the rows that are new; one statement whatever their number.

    The same id with the same content is no change; with other content everything is refused (409).
    """
    wanted: dict[str, Row] = {}
    for index, row in enumerate(rows):
        first = wanted.setdefault(row[key], row)
        if first["content_sha256"] != row["content_sha256"]:
            error = FieldError(f"[{index}].{field}", "conflict", "stands twice in this array with other content")
            raise Problem(409, "conflict", "one id is given with two contents", [error])
    created = {
        record[key]
        for record in await connection.fetch(
            f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $1) "  # noqa: S608
            f"ON CONFLICT ({key}) DO NOTHING RETURNING {key}",
            list(wanted.values()),
        )
    }
    there = [name for name in wanted if name not in created]
    if there:
        await _same(connection, table, key, field, rows, wanted, there, many)
    return Registered(created, set(there))


async def _same(
    connection: Any,
    table: str,
    key: str,
    field: str,
    rows: Sequence[Row],
    wanted: dict[str, Row],
    there: list[str],
    many: bool,
) -> None:
    records = await connection.fetch(
        f"SELECT {key}, content_sha256 FROM {table} WHERE {key} = ANY($1)",  # noqa: S608
        there,
    )
    other = {r[key] for r in records if hexed(r["content_sha256"]) != wanted[r[key]]["content_sha256"]}
    if other:
        errors = [
            FieldError(at(index if many else None, field), "conflict", "exists already with other content")
            for index, row in enumerate(rows)
            if row[key] in other
        ]
        raise Problem(409, "conflict", f"{len(other)} exist already with other content", errors[:1000])
