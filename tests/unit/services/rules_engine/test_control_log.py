"""Controls on their way to the log: each sender is told what became of its own, and nobody else is."""

from typing import Any

from services.rules_engine.control_log import ControlLog
from vigil.bus.port import AckCallback, BusError, BusUnavailable, DeliveryFailed
from vigil.controls import tick


class Log:
    """A log that takes nothing, and whose producer remembers that until it is flushed or closed."""

    def producer(self) -> "Log":
        self.failed: BusError | None = None
        return self

    def send(self, topic: str, partition: int, value: bytes, *, key: bytes | None, on_ack: AckCallback) -> None:
        self.failed = BusUnavailable("injected")
        on_ack(self.failed)

    def close(self) -> None:
        if self.failed is not None:
            raise DeliveryFailed(f"1 record was not acknowledged: {self.failed}")


def test_what_the_log_once_refused_does_not_fail_the_stop() -> None:
    log: Any = Log()
    controls, told = ControlLog(log), []
    controls.append(tick(0, 1), told.append)
    assert [error and error.error_code for error in told] == ["bus_unavailable"]
    controls.close()
