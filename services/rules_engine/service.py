"""Wires the core's `Engine` between telemetry.enriched and telemetry.scored plus alerts.raised."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from services.rules_engine.scorer import Scorer
from services.rules_engine.state import EngineState
from vigil import paths, topology
from vigil.bus.port import Record, TopicPartition
from vigil.core import CoreError, Engine, EngineOutput, Pending
from vigil.runtime import metrics
from vigil.runtime.logs import log
from vigil.runtime.pipeline import connect_bus, run_stage
from vigil.runtime.service import DependencyMissing, Service, run
from vigil.runtime.stage import Outcome, Output
from vigil.store.checkpoints import Checkpoints

NAME = "rules-engine"
_STORE_TIMEOUT_S = 2.0  # rules wait for the store at most this long, and seldom
_log = logging.getLogger(__name__)


class Evaluate:
    """Per poll and partition: rows out of the core, one question to the model, scores back into the core."""

    def __init__(self, engine: Engine, state: EngineState, scorer: Scorer | None) -> None:
        self._engine, self._state, self._scorer = engine, state, scorer

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """Enriched batches in; scored batches and alerts out."""
        self._state.begin(position, records[0].offset, records[-1].offset + 1)
        offsets = [record.offset for record in records]
        values = [record.value for record in records]
        pending = self._engine.begin(position.topic, position.partition, offsets, values, time.time_ns() // 1000)
        scores, model = self._scorer.score(pending) if self._scorer else (None, "")
        made = self._finish(pending, scores, model)
        outputs = [Output(topology.SCORED, to, value) for to, _, value in made.scored]
        outputs += [Output(topology.ALERTS, to, value, key) for to, key, value in made.alerts]
        outputs += [Output(topology.DEAD_LETTER, position.partition, value) for _, _, value in made.dead_letters]
        return Outcome(outputs, made.observations_in, made.observations_out, made.dead_lettered, made.counts)

    def _finish(self, pending: Pending, scores: bytes | None, model: str) -> EngineOutput:
        """An answer that does not fit its rows is no answer: the rules go on without it."""
        try:
            return self._engine.finish(pending, scores, model, time.time_ns() // 1000)
        except CoreError as error:
            if error.args[0] != "invalid_scores":
                raise
            metrics.ERRORS.labels(NAME, "invalid_scores").inc()
            log(_log, logging.ERROR, "invalid_scores", reason=error.args[2], model=model)
            return self._engine.finish(pending, None, "", time.time_ns() // 1000)

    def assigned(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Restores the state and reads on from where it stands."""
        offsets = {position: self._state.take(position) for position in positions}
        return {position: offset for position, offset in offsets.items() if offset is not None}

    def before_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Checkpoints what is acknowledged."""
        self._state.checkpoint(offsets)

    def idle(self) -> None:
        """Checkpoints what was acknowledged since the last checkpoint."""
        self._state.checkpoint({})

    def revoked(self, positions: Sequence[TopicPartition]) -> None:
        """Checkpoints the state for the next owner and forgets it."""
        self._state.give_up(positions)

    def rewound(self, position: TopicPartition, offset: int) -> int:
        """The state is ahead of what was written: back to the last checkpoint."""
        return self._state.take_back(position)


async def start(service: Service) -> None:
    """Connects the log, the checkpoints and the model, and starts the stage."""
    settings = service.settings
    rules = Path(settings.rules_file) if settings.rules_file else paths.RULES
    engine = Engine(rules.read_text(encoding="utf-8"), settings.batch_observations_max)
    log = await connect_bus(service)
    store = Checkpoints(settings.redis(), settings.bus_prefix, min(settings.bus_timeout_s, _STORE_TIMEOUT_S))
    with suppress(DependencyMissing):  # rather alarms without the former state than none
        await service.require("redis", lambda: asyncio.to_thread(store.ping))
    service.health.mark("redis", None)  # from here on "checkpoints" says how the store is
    scorer = None
    if settings.anomaly_enabled:
        target = settings.grpc_target("anomaly-service")
        scorer = Scorer(target, settings.anomaly_timeout_ms, settings.anomaly_retry_after_ms, NAME)
    state = EngineState(
        engine,
        store,
        log,
        settings.checkpoint_interval_ms,
        settings.checkpoint_deltas_max,
        NAME,
        service.health,
    )

    async def close() -> None:
        store.close()
        if scorer:
            scorer.close()

    service.on_drain("stores", close)
    run_stage(service, log, [topology.ENRICHED], Evaluate(engine, state, scorer))


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
