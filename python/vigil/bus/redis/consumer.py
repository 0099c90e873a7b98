"""The Redis consumer: a member of a group, or a reader of every partition.

One blocking XREAD waits on all its partitions at once, pipelined behind the group's generation number, so
that a change of members is noticed with the next batch and costs no call of its own.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vigil.bus.port import BusError, BusUnavailable, Callbacks, Record, TopicPartition
from vigil.bus.redis.client import Backoff, Connection, Names
from vigil.bus.redis.group import Membership
from vigil.bus.redis.trim import Trimmer
from vigil.settings import Settings

_CLAIM_INTERVAL_S = 0.05  # how often a partition is claimed that its old owner has not given back yet


class RedisConsumer:
    """See the port. `start` gives, for a reader without a group, where each partition is read from."""

    def __init__(
        self,
        settings: Settings,
        partitions: Mapping[str, int],
        group: str | None,
        callbacks: Callbacks,
        *,
        from_beginning: bool,
        start: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        self._settings, self._callbacks, self._group = settings, callbacks, group
        self._from_beginning = from_beginning
        self._names = Names(settings.bus_prefix)
        self._connection = Connection(settings)
        self._positions: dict[TopicPartition, int] = dict(start or {})  # the partitions owned, and what is next
        self._last: dict[TopicPartition, tuple[int, int]] = {}  # offset and time of the last record read
        self._checked = 0  # breaks of the connection after which the log was looked at
        self._backoff = Backoff()
        self._down_since: float | None = None
        self._leaving: set[TopicPartition] = set()  # given up, but not given back yet
        self._callback_error: BusUnavailable | None = None
        self._shared_at = 0.0
        self._settled = True
        self._closed = False
        self._member: Membership | None = None
        self._trimmer: Trimmer | None = None
        if group is not None:
            self._member = Membership(settings, self._names, self._connection, group, partitions)
            self._trimmer = Trimmer(settings, self._names)

    # The port ---------------------------------------------------------------------------------------

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Waits for records of any partition; see the port."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                breaks = self._connection.breaks
                if self._checked != breaks:
                    self._check_log()
                    self._checked = breaks
                if self._member is not None:
                    self._member.polled()
                    self._rebalance(self._member)
                records = self._read(max_records, deadline - time.monotonic())
                if self._down_since is not None:
                    self._down_since = None
                    self._backoff.reset()
            except BusUnavailable as error:
                if error is self._callback_error:
                    raise
                self._away(error, deadline)
                records = []
            if records or time.monotonic() >= deadline:
                return records

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits, fenced by owner and lease; see the port."""
        strange = [position for position in offsets if position not in self._positions]
        if strange or self._member is None:
            raise BusError(f"commit of partitions not owned: {strange}", error_code="not_owner", retriable=True)
        if self._checked != self._connection.breaks:
            raise BusUnavailable("the log was away: whether it has what was read of it is for the next poll to see")
        if offsets:
            self._member.commit(offsets)
            if self._trimmer is not None:
                self._trimmer.trim(self._connection, offsets)

    def seek(self, position: TopicPartition, offset: int) -> None:
        """The next record of this partition is the one at `offset`; see the port."""
        if position not in self._positions:
            raise BusError(f"seek in a partition not owned: {position}", error_code="not_owner", retriable=True)
        self._positions[position] = max(0, offset)

    def assignment(self) -> list[TopicPartition]:
        """The partitions owned now."""
        return sorted(self._positions)

    def sees_log(self) -> bool:
        """Asks the server for a sign of life, since only a call shows that the connection broke; see the port."""
        try:
            if self._checked == self._connection.breaks:
                self._connection.call("PING")
            return self._checked == self._connection.breaks
        except BusError:
            return False

    def close(self) -> None:
        """Leaves the group, after `on_revoke` or `on_lost` for what is owned; may be called twice."""
        if self._closed:
            return
        self._closed = True
        owned = list(self._positions)
        try:
            if owned and self._member is not None and self._member.joined:
                (self._callbacks.on_revoke if self.sees_log() else self._callbacks.on_lost)(owned)
        finally:
            self._positions.clear()
            if self._member is not None:
                self._member.leave(self._leaving.union(owned))
            self._connection.close()

    # Reading ------------------------------------------------------------------------------------------

    def _read(self, max_records: int, wait_s: float) -> list[Record]:
        commands: list[Sequence[Any]] = []
        if self._member is not None:
            commands.append(self._member.generation_command())
            if not self._settled:
                wait_s = min(wait_s, _CLAIM_INTERVAL_S)
            wait_s = min(wait_s, self._member.interval_s)
        wait_s = max(0.0, min(wait_s, self._connection.block_s_max))
        owned = list(self._positions)
        if owned:
            # COUNT is per stream, so a batch is shared out among the partitions.
            count = max(1, max_records // len(owned))
            command: list[Any] = ["XREAD", "COUNT", count]
            if wait_s >= 0.001:
                command += ["BLOCK", int(wait_s * 1000)]  # BLOCK 0 would wait for ever
            command.append("STREAMS")
            command += [self._names.stream(position) for position in owned]
            command += [f"{self._positions[position]}-0" for position in owned]
            commands.append(command)
        elif wait_s:
            time.sleep(min(wait_s, _CLAIM_INTERVAL_S))
        answers = self._connection.calls(commands) if commands else []
        for answer in answers:
            if isinstance(answer, BusError):
                raise answer
        if self._member is not None and self._member.changed(answers[0]):
            self._shared_at = 0.0
        records: list[Record] = []
        if owned and answers[-1]:
            by_stream = {self._names.stream(position): position for position in owned}
            for stream, entries in answers[-1]:
                position = by_stream[stream.decode()]
                records += decode(position, entries)
                self._positions[position] = records[-1].offset + 1
                self._last[position] = records[-1].offset, records[-1].timestamp_ms
        return records

    # Rebalance ----------------------------------------------------------------------------------------

    def _rebalance(self, member: Membership) -> None:
        """Brings what is owned in line with the share-out, when something may have changed."""
        due = time.monotonic() - self._shared_at >= (member.interval_s if self._settled else _CLAIM_INTERVAL_S)
        if not due and member.joined:
            return
        if not member.joined:
            self._lose()
            member.join()
        share = member.share()
        if share is None:
            self._lose()
            member.join()
            share = member.share() or set()
        self._shared_at = time.monotonic()
        gone = sorted(set(self._positions) - share)
        if gone:
            try:
                self._call_back(self._callbacks.on_revoke, gone)
            finally:
                self._leaving.update(gone)
                for position in gone:
                    self._positions.pop(position, None)
        if self._leaving:  # again, if the server went away in between
            member.release(self._leaving)
            self._leaving.clear()
        wanted = share - set(self._positions)
        self._settled = not wanted
        if wanted:
            self._take(member, wanted)
            self._settled = share == set(self._positions)

    def _take(self, member: Membership, wanted: set[TopicPartition]) -> None:
        """Claims what is wanted. What was perhaps claimed, but is not read in the end, is given back: the answer may be
        lost, or the reader not be ready for it."""
        came: list[TopicPartition] = []
        try:
            came = sorted(member.claim(wanted))
            if came:
                self._positions.update(self._committed(came))
                self._call_back(self._callbacks.on_assign, came)
        except BaseException:
            self._leaving.update(wanted)
            for position in came:
                self._positions.pop(position, None)
            raise

    def _lose(self) -> None:
        lost = sorted(self._positions)
        self._positions.clear()
        if lost:
            self._call_back(self._callbacks.on_lost, lost)

    def _call_back(self, callback: Callable[[Sequence[TopicPartition]], None], positions: list[TopicPartition]) -> None:
        try:
            callback(positions)
        except BusUnavailable as error:
            self._callback_error = error  # the caller's own trouble, which `poll` must not take for the server's
            raise

    def _committed(self, positions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        asked: list[list[Any]] = []
        for position in positions:
            asked.append(["HGET", self._names.commits(position), self._group])
            asked.append(["GET", self._names.next(position)])
        answers = self._connection.calls(asked)
        for answer in answers:
            if isinstance(answer, BusError):
                raise answer
        found = {}
        for position, committed, end in zip(positions, answers[::2], answers[1::2], strict=True):
            unread = 0 if self._from_beginning else end
            found[position] = int((unread if committed is None else committed) or 0)
        return found

    # The server goes away -----------------------------------------------------------------------------

    def _away(self, error: BusUnavailable, deadline: float) -> None:
        now = time.monotonic()
        if self._down_since is None:
            self._down_since = now
        elif now - self._down_since >= self._settings.bus_timeout_s:
            raise BusUnavailable(f"Redis is away for {now - self._down_since:.0f} s: {error}") from error
        self._backoff.wait(deadline - now)

    def _check_log(self) -> None:
        """After an outage: a server that lost its last second gives the same offsets out again, and whoever waits for
        higher ones would skip them. Then everything is read again from the commits."""
        owned = dict(self._positions)
        for position, offset in owned.items():
            if self._lost_its_end(position, offset):
                if self._member is None:
                    self._positions[position] = 0
                else:
                    self._lose()
                    self._member.abandon_lease(owned)
                    return

    def _lost_its_end(self, position: TopicPartition, offset: int) -> bool:
        """Whether the log does not reach to `offset`, or has another record before it than was read of it."""
        if int(self._connection.call("GET", self._names.next(position)) or 0) < offset:
            return True
        at, time_ms = self._last.get(position, (-1, 0))
        if at != offset - 1:
            return False
        found = self._connection.call("XRANGE", self._names.stream(position), f"{offset}-0", f"{offset}-0")
        return any(record.timestamp_ms != time_ms for record in decode(position, found))


def decode(position: TopicPartition, entries: Sequence[Sequence[Any]]) -> list[Record]:
    """Records of raw stream entries: `[id, [b"v", value, b"t", time, b"k", key]]`."""
    topic, partition = position
    records = []
    for identity, fields in entries:
        key = fields[5] if len(fields) > 4 else None
        offset = int(identity.partition(b"-")[0]) - 1
        records.append(Record(topic, partition, offset, key, fields[1], int(fields[3])))
    return records
