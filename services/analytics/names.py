"""Texts as small numbers: local ones for the kernels, the database's own for the rows."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import numpy as np

from services.analytics.kernels import Ints

K = TypeVar("K", str, tuple[str, str])
UNKNOWN = 0  # the database numbers from 1


class Names(Generic[K]):
    """Numbers each name once, in the order of its first use; learns the database's number later."""

    def __init__(self) -> None:
        self._numbers: dict[K, int] = {}
        self._ids = np.zeros(1024, np.int64)
        self._unknown: list[K] = []

    def number(self, name: K) -> int:
        """The local number."""
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = len(self._numbers)
            self._unknown.append(name)
            if found >= len(self._ids):
                self._ids = np.concatenate([self._ids, np.zeros(len(self._ids), np.int64)])
        return found

    def numbers(self, names: Iterable[K]) -> Ints:
        """The local numbers of `names`."""
        return np.fromiter((self.number(name) for name in names), np.int64)

    @property
    def unknown(self) -> list[K]:
        """Names whose database number is not known yet."""
        return list(self._unknown)

    def learn(self, found: Iterable[tuple[K, int]]) -> None:
        """Takes the database's numbers; raises `LookupError` when one of the unknown is missing."""
        for name, identity in found:
            self._ids[self._numbers[name]] = identity
        self._unknown = [name for name in self._unknown if self._ids[self._numbers[name]] == UNKNOWN]
        if self._unknown:
            raise LookupError(f"{len(self._unknown)} names have no number in the database")

    def ids(self, numbers: Ints) -> Ints:
        """The database's numbers of local ones."""
        found: Ints = self._ids[numbers]
        return found


async def learn(connection: Any, subjects: Names[tuple[str, str]], devices: Names[str], wards: Names[str]) -> None:
    """Numbers what is new, in transactions of their own: a number that is known here is in the database."""
    if pairs := subjects.unknown:
        patients, loners = [p for p, _ in pairs], [d for _, d in pairs]
        await connection.execute(_NEW_SUBJECTS, patients, loners)
        rows = await connection.fetch(_SUBJECTS, patients, loners)
        subjects.learn(((row["patient_id"], row["device_id"]), row["id"]) for row in rows)
    for table, names in (("device", devices), ("ward", wards)):
        if new := names.unknown:
            await connection.execute(_NEW.format(table), new)
            rows = await connection.fetch(_FIND.format(table), new)
            names.learn((row["name"], row["id"]) for row in rows)


# Sorted, so that two instances that number the same names do not wait for each other in a circle.
_NEW_SUBJECTS = """
    INSERT INTO subject (patient_id, device_id)
    SELECT DISTINCT p, d FROM unnest($1::text[], $2::text[]) AS new (p, d)
    WHERE NOT EXISTS (SELECT 1 FROM subject WHERE patient_id = p AND device_id = d)
    ORDER BY p, d ON CONFLICT DO NOTHING
"""
_SUBJECTS = """
    SELECT id, patient_id, device_id FROM subject
    JOIN unnest($1::text[], $2::text[]) AS new (p, d) ON patient_id = p AND device_id = d
"""
_NEW = """
    INSERT INTO {0} (name)
    SELECT DISTINCT n FROM unnest($1::text[]) AS new (n) WHERE NOT EXISTS (SELECT 1 FROM {0} WHERE name = n)
    ORDER BY n ON CONFLICT DO NOTHING
"""
_FIND = "SELECT id, name FROM {} WHERE name = ANY($1::text[])"
