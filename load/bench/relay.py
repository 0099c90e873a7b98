"""The null relay: the same topics, batches and processes as the pipeline, bytes copied only.

`python -m load.bench.relay STAGE` runs one of them under the service's own settings, name and ports.
"""

import itertools
import sys
from collections.abc import Sequence
from typing import Any

from vigil import topology
from vigil.bus.port import Record, TopicPartition
from vigil.runtime.micro_batch import Batcher, LogUnavailable
from vigil.runtime.pipeline import connect_bus, run_stage
from vigil.runtime.service import Service, Start, run
from vigil.runtime.stage import Outcome, Output, Stateless

TO = {
    "telemetry-normalizer": (topology.RAW, topology.NORMALIZED),
    "telemetry-enrichment": (topology.NORMALIZED, topology.ENRICHED),
    "rules-engine": (topology.ENRICHED, topology.SCORED),
    "analytics": (topology.SCORED, None),
}


class Copy(Stateless):
    """Writes each record's bytes to the next topic."""

    def __init__(self, topic: str | None) -> None:
        self._topic = topic

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """The same bytes, the same partition."""
        if self._topic is None:
            return Outcome()
        return Outcome([Output(self._topic, position.partition, record.value) for record in records])


def _stage(name: str) -> Start:
    async def start(service: Service) -> None:
        log = await connect_bus(service)
        source, target = TO[name]
        run_stage(service, log, [source], Copy(target))

    return start


async def _gateway(service: Service) -> None:
    settings = service.settings
    log = await connect_bus(service)
    producer = log.producer()
    batcher = Batcher.of(settings, producer)
    turns = itertools.cycle(range(settings.bus_partitions))

    async def app(scope: Any, protocol: Any) -> None:
        body = await protocol()
        status = 202
        try:
            # What an accepted request costs besides deciding: one record a partition, joined with others'.
            part = len(body) // settings.bus_partitions
            records = [(next(turns), 125, body[i * part : (i + 1) * part]) for i in range(settings.bus_partitions)]
            await batcher.submit(records, settings.gateway_ack_timeout_s)
        except LogUnavailable:
            status = 503
        protocol.response_bytes(status, [("content-type", "application/json")], b'{"success":true}')

    service.serve_rsgi(app)


def main() -> int:
    """Runs the relay of one stage."""
    name = sys.argv[1]
    if name == "telemetry-gateway":
        return run(name, _gateway, rsgi=True)
    return run(name, _stage(name))


if __name__ == "__main__":
    sys.exit(main())
