"""The Kafka producer: idempotent, acks=all, with its own bounded queue."""

import logging
import threading
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Library

from vigil.bus.kafka.client import LIBRARY_LOG, WIRE_BYTES_MAX, as_bus_error, connection
from vigil.bus.port import AckCallback, BusError, DeliveryFailed, QueueFull
from vigil.settings import Settings

_log = logging.getLogger(__name__)


class KafkaProducer:
    """One librdkafka producer; replaced by a new one if the library calls it beyond repair ("fatal").

    What is not acknowledged within BUS_TIMEOUT_S is given up, so that nothing can arrive after its sender
    was told that it failed and has sent it again behind it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failed: BusError | None = None
        self._failures = 0
        self._fatal = False
        self._closed = threading.Event()
        self._acks_thread: threading.Thread | None = None
        self._library = self._new()

    def _new(self) -> Library:
        settings = self._settings
        queue_kb = max(1, min(settings.bus_queue_bytes_max // 1024, 2_097_151))
        conf: dict[str, Any] = connection(settings) | {
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": settings.kafka_compression,
            "linger.ms": settings.kafka_linger_ms,
            "batch.size": 1_000_000,
            "message.max.bytes": WIRE_BYTES_MAX,
            "queue.buffering.max.kbytes": queue_kb,
            "queue.buffering.max.messages": 100_000,
            "delivery.timeout.ms": max(int(settings.bus_timeout_s * 1000), settings.kafka_linger_ms + 1),
            "retry.backoff.ms": 50,
            "error_cb": self._on_error,
        }
        return Library(conf, logger=LIBRARY_LOG)

    def send(
        self,
        topic: str,
        partition: int,
        value: bytes,
        *,
        key: bytes | None = None,
        on_ack: AckCallback | None = None,
    ) -> None:
        """Queues a record; see the port."""
        if self._fatal:
            self._replace()
        deliver = self._delivered
        if on_ack is not None:
            deliver = self._notifier(on_ack)
            if self._acks_thread is None:
                self._start_acks()
        try:
            self._library.produce(
                self._settings.bus_prefix + topic, value, key, partition=partition, on_delivery=deliver
            )
        except BufferError:
            raise QueueFull from None
        except KafkaException as error:
            self._fatal = self._fatal or error.args[0].fatal()  # `_on_error` hears of it only where somebody flushes
            raise as_bus_error(error, f"sending to {topic}") from error

    def flush(self, timeout_s: float) -> None:
        """Waits for the acknowledgements; see the port. What is late is given up for good."""
        left = self._library.flush(timeout_s)
        if left:
            self._library.purge()
            self._library.flush(1.0)  # runs the callbacks of what was given up
        failed, failures = self._failed, self._failures
        self._failed, self._failures = None, 0
        if failed is not None:
            raise DeliveryFailed(f"{failures} records were not acknowledged: {failed}")

    def close(self) -> None:
        """Sends what can be sent within BUS_TIMEOUT_S and gives the rest up."""
        try:
            self.flush(self._settings.bus_timeout_s)
        finally:
            self._closed.set()
            if self._acks_thread is not None:
                self._acks_thread.join(2.0)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed = self._failed or as_bus_error(error, "delivery")
            self._failures += 1

    def _notifier(self, on_ack: AckCallback) -> Any:
        def deliver(error: KafkaError | None, message: Message) -> None:
            self._delivered(error, message)
            on_ack(None if error is None else as_bus_error(error, "delivery"))

        return deliver

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = True

    def _replace(self) -> None:
        self._library.purge()
        self._library.flush(1.0)
        self._fatal = False
        self._library = self._new()

    def _start_acks(self) -> None:
        """Acknowledgements are handed out by `poll`; senders that wait for a callback do not call it."""
        self._acks_thread = threading.Thread(target=self._serve_acks, name="kafka-acks", daemon=True)
        self._acks_thread.start()

    def _serve_acks(self) -> None:
        while not self._closed.is_set():
            try:
                self._library.poll(0.1)
            except Exception:  # a callback of the sender failed; the others still want their answers
                _log.exception("ack_callback_failed")
