"""A page of a list, and how long the whole list is."""

from collections.abc import Sequence
from typing import Any


async def page(
    connection: Any, select: str, table: str, order: str, filters: Sequence[tuple[str, Any]], limit: int, offset: int
) -> tuple[list[Any], int]:
    """Rows of one page and the total. A filter is SQL with one `{}` for its value; None = not filtered."""
    used = [(sql, value) for sql, value in filters if value is not None]
    where = " AND ".join(sql.format(f"${i}") for i, (sql, _) in enumerate(used, 1)) or "true"
    values = [value for _, value in used]
    total = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {where}", *values)  # noqa: S608
    rows = await connection.fetch(
        f"SELECT {select} FROM {table} WHERE {where} ORDER BY {order} "  # noqa: S608
        f"LIMIT {int(limit)} OFFSET {int(offset)}",
        *values,
    )
    return list(rows), total
