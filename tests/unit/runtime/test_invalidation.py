"""Changes of the registry are followed for as long as the service runs, whatever happens to one of them."""

from collections.abc import Sequence
from typing import Any

from vigil.bus.port import BusUnavailable, Record
from vigil.pb import events_pb2
from vigil.runtime.invalidation import Invalidation


def change(*device_ids: str) -> Record:
    value = events_pb2.RegistryChange(device_ids=device_ids).SerializeToString()
    return Record("registry.changes", 0, 0, None, value, 0)


class Log:
    """Readers that give what each was made with, one answer a poll, and stop the follower at the end."""

    def __init__(self, *readers: list[Any]) -> None:
        self.readers = list(readers)
        self.follower: Invalidation | None = None
        self.closed = 0

    def consumer(self, topics: Sequence[str], group: None, *, from_beginning: bool) -> "Log":
        self.answers = self.readers.pop(0)
        return self

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        if max_records == 1:
            return []  # where "now" is
        if not self.answers:
            assert self.follower is not None
            self.follower._stop.set()
            return []
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [answer]

    def close(self) -> None:
        self.closed += 1


class Table:
    """Writes down what it is told; cannot forget one device, once."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.defects = 1

    def invalidate(self, device_ids: Sequence[str]) -> None:
        if "defect" in device_ids and self.defects:
            self.defects -= 1
            raise ValueError("injected")
        self.told += device_ids

    def clear(self) -> None:
        self.told.append("all")


def followed(log: Any, table: Table) -> list[str]:
    follower = log.follower = Invalidation(log, table)
    follower._run()
    return table.told


def test_after_an_outage_everything_is_forgotten_and_changes_are_followed_again() -> None:
    log = Log([change("a"), BusUnavailable("injected")], [change("b"), change()])
    assert followed(log, Table()) == ["all", "a", "all", "b", "all"]
    assert log.closed == 2


def test_a_defect_ends_no_following_and_nothing_stays_that_may_be_wrong() -> None:
    log = Log([change("a"), change("defect")], [change("b")])
    assert followed(log, Table()) == ["all", "a", "all", "b"]
    assert log.closed == 2
