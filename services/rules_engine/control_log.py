"""Appends controls to telemetry.enriched: from the stage's thread (the clock, the model) and from requests."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from vigil.bus.port import AckCallback, Bus, BusError, Producer
from vigil.controls import ControlRecord

Append = Callable[[ControlRecord, AckCallback], None]


class ControlLog:
    """A producer of its own, so that a control which is late takes back no batch. Thread-safe."""

    def __init__(self, bus: Bus) -> None:
        self._producer: Producer = bus.producer()

    def append(self, record: ControlRecord, on_ack: AckCallback) -> None:
        """Sends a control; `on_ack` is called from another thread with None, or with why the log has not taken it.
        Raises nothing: what cannot even be sent is told to `on_ack` at once."""
        try:
            self._producer.send(record.topic, record.partition, record.value, key=record.key, on_ack=on_ack)
        except BusError as error:
            on_ack(error)

    async def appended(self, record: ControlRecord, timeout_s: float) -> None:
        """Returns when the log has the control; raises `BusError` or `TimeoutError` when it does not say so."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle(error: BusError | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def acknowledged(error: BusError | None) -> None:
            loop.call_soon_threadsafe(settle, error)

        self.append(record, acknowledged)
        await asyncio.wait_for(done, timeout_s)

    def close(self) -> None:
        """Sends what can be sent and gives the rest up. Raises nothing: each sender was told, some of them long ago."""
        with suppress(BusError):
            self._producer.close()
