"""What only the Kafka producer has to do itself: the library may call itself beyond repair."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from tests.integration.bus.support import RAW
from tests.integration.runtime.support import Faulty
from vigil.bus.kafka.producer import KafkaProducer
from vigil.bus.port import Bus, BusError, TopicPartition


@pytest.mark.parametrize("bus_environment", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
def test_a_producer_that_is_beyond_repair_is_replaced_though_nobody_flushes_it(bus: Bus) -> None:
    producer = bus.producer()
    assert isinstance(producer, KafkaProducer)

    def produce(*_: Any, **__: Any) -> None:
        raise KafkaException(KafkaError(KafkaError._FATAL, "injected", fatal=True))

    producer._library = Faulty(producer._library, produce=produce)  # type: ignore[assignment]
    with pytest.raises(BusError, match="injected"):
        producer.send(RAW, 0, b"lost")
    producer.send(RAW, 0, b"sent")
    producer.flush(10)
    assert [record.value for record in bus.read(TopicPartition(RAW, 0), 0, 9)] == [b"sent"]
    producer.close()
