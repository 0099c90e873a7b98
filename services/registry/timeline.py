"""A device's links over time: who it was on, from when to when. Pure; the store writes what this decides.

A statement "from `at` on, the device is on `patient`" sets a change point. It holds until the next change
point that is already known: links that start later, or the end of the link it cuts, stay as they were said.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple


class Link(NamedTuple):
    """On `patient_id` for event times in [from_at, to_at); `to_at` None = open."""

    patient_id: str
    from_at: datetime
    to_at: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether `at` lies in it."""
        return self.from_at <= at and (self.to_at is None or at < self.to_at)


def place(links: Sequence[Link], patient_id: str | None, at: datetime) -> list[Link]:
    """The links after the statement; ascending, not overlapping. Returns them unchanged if it says nothing new.

    A link that starts exactly at `at` is corrected: it is replaced.
    """
    cut = next((link for link in links if link.holds(at)), None)
    if (cut.patient_id if cut else None) == patient_id:
        return list(links)
    after = [link for link in links if link.from_at > at]
    until = cut.to_at if cut else (after[0].from_at if after else None)
    made = [link for link in links if link.from_at <= at and link is not cut]
    if cut and cut.from_at < at:
        made.append(cut._replace(to_at=at))
    if patient_id is not None:
        made.append(Link(patient_id, at, until))
    return [*made, *after]


def current(links: Sequence[Link], at: datetime) -> Link | None:
    """The link that holds at `at`."""
    return next((link for link in links if link.holds(at)), None)
