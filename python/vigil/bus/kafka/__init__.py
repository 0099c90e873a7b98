"""The event log on Apache Kafka, through librdkafka's synchronous classes."""

from vigil.bus.kafka.log import KafkaBus

__all__ = ["KafkaBus"]
