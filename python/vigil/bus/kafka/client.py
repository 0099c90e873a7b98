"""What the Kafka classes share: configuration of the connections and the mapping of errors."""

import logging
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from vigil.bus.port import RECORD_BYTES_MAX, BusError, BusUnavailable, DeliveryFailed, QueueFull
from vigil.settings import Settings

WIRE_BYTES_MAX = RECORD_BYTES_MAX + 65_536  # of a record with its headers; topics are made with it

# librdkafka's own lines go through logging instead of straight to stderr.
LIBRARY_LOG = logging.getLogger("vigil.bus.kafka.library")

_AWAY = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._RESOLVE,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError._WAIT_COORD,
}
_NOT_OWNER = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError._FENCED,
    KafkaError._ASSIGNMENT_LOST,
    KafkaError._MAX_POLL_EXCEEDED,
}
_LOST_ON_THE_WAY = {KafkaError._MSG_TIMED_OUT, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}
_NO_LEADER = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
}
_UNKNOWN_TOPIC = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}


def connection(settings: Settings) -> dict[str, Any]:
    """Settings of every connection. Reconnects are quick, and a silent broker is noticed in time."""
    return {
        "bootstrap.servers": settings.kafka_brokers,
        "client.id": "vigil",
        "socket.keepalive.enable": True,
        "socket.nagle.disable": True,
        "socket.timeout.ms": max(1000, int(settings.bus_timeout_s * 1000)),
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000,
        "log.connection.close": False,
    }


def as_bus_error(error: KafkaError | KafkaException, doing: str) -> BusError:
    """The typed error for one of the library's."""
    cause = error.args[0] if isinstance(error, KafkaException) else error
    if not isinstance(cause, KafkaError):
        return BusError(f"{doing}: {cause}", error_code="bus_error", retriable=False)
    code, text = cause.code(), f"{doing}: {cause.str()}"
    if code in _AWAY:
        return BusUnavailable(text)
    if code == KafkaError._QUEUE_FULL:
        return QueueFull()
    if code in _LOST_ON_THE_WAY:
        return DeliveryFailed(text)
    if code in _NOT_OWNER:
        return BusError(text, error_code="not_owner", retriable=True)
    if code in _NO_LEADER:
        return BusError(text, error_code="no_leader", retriable=True)
    if code in _UNKNOWN_TOPIC:
        return BusError(text, error_code="unknown_topic", retriable=True)
    if code == KafkaError.MSG_SIZE_TOO_LARGE:
        return BusError(text, error_code="record_too_large", retriable=False)
    return BusError(text, error_code="bus_error", retriable=cause.retriable())
