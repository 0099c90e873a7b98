"""Membership of a consumer group on Redis: leases, who reads which partition, and fencing.

Every member computes the same share-out from the same list of members, gives back what is not its own any
more, and claims what is and has no living owner. So a partition moves only after its owner let go of it, or
after that owner's lease ran out; and a commit is checked against owner and lease in one step (COMMIT).
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress

from vigil.bus.port import BusError, TopicPartition
from vigil.bus.redis import scripts
from vigil.bus.redis.client import Connection, Names, script
from vigil.settings import Settings

_POLL_INTERVAL_MAX_S = 300.0  # a member that does not poll for so long stops renewing: it is stuck


class Membership:
    """One member of one group. The caller's thread uses `connection`; a thread of its own renews the lease."""

    def __init__(
        self,
        settings: Settings,
        names: Names,
        connection: Connection,
        group: str,
        partitions: Mapping[str, int],
    ) -> None:
        self._settings, self._names, self._connection = settings, names, connection
        self._group, self._partitions = group, partitions
        self._lease_ms = int(settings.bus_session_timeout_s * 1000)
        self._member = ""
        self._generation = -1
        self._polled_at = time.monotonic()
        self._lease_gone = threading.Event()
        self._left = threading.Event()
        self._naming = threading.Lock()  # held while it joins, and while the lease is renewed behind
        self._renewer = threading.Thread(target=self._renew_behind, name=f"lease-{group}", daemon=True)

    @property
    def joined(self) -> bool:
        """Whether it is a member, as far as it knows."""
        return bool(self._member) and not self._lease_gone.is_set()

    @property
    def interval_s(self) -> float:
        """How often the share-out is looked at when nothing announces a change."""
        return self._lease_ms / 3000

    def generation_command(self) -> list[object]:
        """Asks for the group's generation; `changed` tells what its answer means."""
        return ["GET", self._names.group(self._group, "generation")]

    def changed(self, answer: bytes | None) -> bool:
        """Whether members came or went, or gave something back, since the last share-out."""
        return int(answer or 0) != self._generation

    def polled(self) -> None:
        """The owner is at work."""
        self._polled_at = time.monotonic()

    def join(self) -> None:
        """Becomes a new member."""
        # Older members sort first, so that a newcomer takes from them no more than its share.
        stamp = f"{time.time_ns() // 1_000_000:014d}"
        with self._naming:
            self._member = f"{stamp}-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
            self._lease_gone.clear()
            if not self._renewer.is_alive():  # first, since the answer may be lost of one who has joined
                self._renewer.start()
            self._renew(self._connection, join=True)

    def share(self) -> set[TopicPartition] | None:
        """The partitions that are this member's now; None when its lease ran out and it was removed."""
        members = self._renew(self._connection, join=False)
        if members is None:
            return None
        mine: set[TopicPartition] = set()
        for topic, count in self._partitions.items():
            readers = sorted(member for member, topics in members.items() if topic in topics)
            if self._member in readers:
                first = readers.index(self._member)
                mine.update(TopicPartition(topic, number) for number in range(first, count, len(readers)))
        return mine

    def claim(self, positions: Iterable[TopicPartition]) -> set[TopicPartition]:
        """Takes those that have no living owner."""
        fields = {_field(position): position for position in positions}
        got = self._connection.call(*script(scripts.CLAIM, self._keys("members", "owners"), self._member, *fields))
        return {fields[name.decode()] for name in got}

    def release(self, positions: Iterable[TopicPartition]) -> None:
        """Gives partitions back, so that others claim them at once."""
        self._release(positions, leave=False)

    def leave(self, positions: Iterable[TopicPartition]) -> None:
        """Gives partitions back and leaves. Without a server the lease runs out by itself."""
        self._left.set()
        if self._member:
            with suppress(BusError):
                self._release(positions, leave=True)

    def _release(self, positions: Iterable[TopicPartition], *, leave: bool) -> None:
        keys = self._keys("members", "topics", "generation", "owners")
        fields = [_field(position) for position in positions]
        self._connection.call(*script(scripts.RELEASE, keys, self._member, "1" if leave else "0", *fields))

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits all or nothing; raises when the lease ran out or another member owns one of them."""
        keys = self._keys("members", "owners") + [self._names.commits(position) for position in offsets]
        arguments = [part for position, offset in offsets.items() for part in (_field(position), offset)]
        if not self._connection.call(*script(scripts.COMMIT, keys, self._member, self._group, *arguments)):
            raise BusError("the partitions have another owner now", error_code="not_owner", retriable=True)

    def abandon_lease(self, positions: Iterable[TopicPartition]) -> None:
        """Gives partitions back and counts itself as removed, so that the owner joins anew and waits for nobody."""
        self._lease_gone.set()
        with suppress(BusError):
            self._release(positions, leave=True)

    # The lease ------------------------------------------------------------------------------------

    def _renew(self, connection: Connection, *, join: bool) -> dict[str, list[str]] | None:
        topics = json.dumps(sorted(self._partitions))
        answer = connection.call(
            *script(
                scripts.RENEW,
                self._keys("members", "topics", "generation"),
                self._member,
                self._lease_ms,
                topics,
                "1" if join else "0",
            )
        )
        if not answer:
            return None
        generation, members, subscribed = answer
        if connection is self._connection:
            self._generation = generation
        return {member.decode(): json.loads(names or "[]") for member, names in zip(members, subscribed, strict=True)}

    def _renew_behind(self) -> None:
        """Keeps the lease while the owner works on a batch. Ends when the owner is stuck or leaves."""
        connection = Connection(self._settings)
        try:
            while not self._left.wait(self.interval_s):
                self._keep(connection)
        finally:
            connection.close()

    def _keep(self, connection: Connection) -> None:
        stuck = time.monotonic() - self._polled_at > max(_POLL_INTERVAL_MAX_S, self._lease_ms / 1000)
        with self._naming:
            if stuck or self._lease_gone.is_set():
                return
            with suppress(BusError):  # the owner's own calls notice an absent server
                if self._renew(connection, join=False) is None:
                    self._lease_gone.set()

    def _keys(self, *parts: str) -> list[str]:
        return [self._names.group(self._group, part) for part in parts]


def _field(position: TopicPartition) -> str:
    return f"{position.topic}:{position.partition}"
