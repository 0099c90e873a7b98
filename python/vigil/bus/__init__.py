"""The event log: `port` says what is needed, `kafka` and `redis` give it."""

from vigil.bus.port import Bus
from vigil.settings import Settings


def connect(settings: Settings) -> Bus:
    """The log that the settings name: Kafka where KAFKA_BROKERS is set, else Redis Streams."""
    if settings.kafka_brokers:
        from vigil.bus.kafka import KafkaBus

        return KafkaBus(settings)
    from vigil.bus.redis import RedisBus

    return RedisBus(settings)
