"""Follows registry.changes and drops what they name from a table held in the core."""

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from google.protobuf.message import DecodeError

from vigil import topology
from vigil.bus.port import Bus, BusError
from vigil.pb import events_pb2
from vigil.runtime.logs import log

_log = logging.getLogger(__name__)


class Table(Protocol):
    """What the gateway (admissions) and enrichment (contexts) hold by device."""

    def invalidate(self, device_ids: Sequence[str]) -> None:
        """Forgets these devices; they are looked up again when next seen."""

    def clear(self) -> None:
        """Forgets all."""


class Invalidation:
    """Reads every partition of registry.changes, from now on, in a thread of its own."""

    def __init__(self, bus: Bus, table: Table) -> None:
        self._bus, self._table = bus, table
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="invalidation", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except BusError as error:
                log(_log, logging.WARNING, "invalidation_interrupted", error_code=error.error_code)
                self._stop.wait(0.5)
            except Exception:  # a defect of ours: what is not followed any more would be believed for long
                _log.exception("invalidation_failed")
                self._stop.wait(0.5)

    def _follow(self) -> None:
        consumer = self._bus.consumer([topology.REGISTRY_CHANGES], None, from_beginning=False)
        try:
            # The first poll fixes where "now" is; what changed before it, while nobody listened, is unknown.
            consumer.poll(1, 0.0)
            self._table.clear()
            while not self._stop.is_set():
                for record in consumer.poll(500, 0.2):
                    self._apply(record.value)
        finally:
            consumer.close()

    def _apply(self, value: bytes) -> None:
        """A change that names no device may concern all; so may one that cannot be read."""
        try:
            device_ids = list(events_pb2.RegistryChange.FromString(value).device_ids)
        except DecodeError:
            log(_log, logging.ERROR, "registry_change_unreadable", bytes=len(value))
            device_ids = []
        if device_ids:
            self._table.invalidate(device_ids)
        else:
            self._table.clear()
