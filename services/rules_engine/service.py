"""Wires the core's `Engine` between telemetry.enriched and telemetry.scored plus alerts.raised."""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.rules_engine.component import ComponentWatch
from services.rules_engine.control_log import ControlLog
from services.rules_engine.questions import Question
from services.rules_engine.routes import application
from services.rules_engine.rule_file import NoRules, RuleFile
from services.rules_engine.scorer import Bounds, Scorer
from services.rules_engine.state import EngineState
from services.rules_engine.watchdog import Watchdog
from vigil import paths, topology
from vigil.bus.port import Record, TopicPartition
from vigil.core import CoreError, Engine, EngineOutput, Pending
from vigil.runtime import metrics
from vigil.runtime.logs import log
from vigil.runtime.pipeline import connect_bus, run_stage
from vigil.runtime.rest import serve
from vigil.runtime.service import EXIT_CONFIG, DependencyMissing, Service, run
from vigil.runtime.stage import Outcome, Output
from vigil.store.checkpoints import Checkpoints
from vigil.store.last_rules import LastRules

NAME = "rules-engine"
MODEL = "anomaly-service"
TOGETHER_BYTES_MAX = 256 << 10
"""Of records: a larger poll is asked about partition by partition. Rows and copied patients of all of it would not stay
in the caches, and with that much to do the cores have nothing to overlap (adr/0024)."""
_STORE_TIMEOUT_S = 2.0  # rules wait for the store at most this long, and seldom
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Begun:
    """Records that the core has read, and what the model was asked about them. The state is as it was before."""

    records: Sequence[Record]
    pending: Pending
    question: Question | None


class Evaluate:
    """Per poll: rows out of the core and a question to the model, for all partitions; then, partition by partition,
    scores back into the core. Of a large poll all that partition by partition.

    Between polls: the clock (`watchdog`), and whether the model is there (`model`).
    """

    def __init__(
        self,
        engine: Engine,
        state: EngineState,
        scorer: Scorer | None,
        watchdog: Watchdog | None = None,
        model: ComponentWatch | None = None,
    ) -> None:
        self._engine, self._state, self._scorer = engine, state, scorer
        self._watchdog, self._model = watchdog, model
        self._begun: dict[TopicPartition, _Begun] = {}

    def prepare(self, groups: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Asks the model about all partitions, without waiting; of a large poll nothing is begun ahead."""
        self._drop(list(self._begun))
        if sum(len(record.value) for records in groups.values() for record in records) > TOGETHER_BYTES_MAX:
            return
        for position, records in groups.items():  # first of all: it may wait for the store, and the model would not
            self._state.begin(position, records[0].offset, records[-1].offset + 1)
        for position, records in groups.items():
            with suppress(CoreError):  # `process` meets it again, and the stage knows what to do
                self._begun[position] = self._begin(position, records)

    def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
        """Enriched batches in; scored batches and alerts out."""
        if self._watchdog:
            self._watchdog.seen(position.partition, records)
        begun = self._begun.pop(position, None)
        if begun is None or begun.records is not records:
            self._state.begin(position, records[0].offset, records[-1].offset + 1)
            begun = self._begin(position, records)
        scores, model = self._scorer.scores(begun.question) if self._scorer else (None, "")
        made = self._finish(begun.pending, scores, model)
        outputs = [Output(topology.SCORED, to, value) for to, _, value in made.scored]
        outputs += [Output(topology.ALERTS, to, value, key) for to, key, value in made.alerts]
        outputs += [Output(topology.DEAD_LETTER, position.partition, value) for _, _, value in made.dead_letters]
        return Outcome(outputs, made.observations_in, made.observations_out, made.dead_lettered, made.counts)

    def _begin(self, position: TopicPartition, records: Sequence[Record]) -> _Begun:
        if self._scorer and not self._begun:
            self._scorer.anew()
        offsets = [record.offset for record in records]
        values = [record.value for record in records]
        pending = self._engine.begin(position.topic, position.partition, offsets, values, time.time_ns() // 1000)
        return _Begun(records, pending, self._scorer.ask(pending) if self._scorer else None)

    def _drop(self, positions: Iterable[TopicPartition]) -> None:
        """What was begun of them has not happened, and nobody waits for its scores."""
        if [position for position in positions if self._begun.pop(position, None)] and not self._begun and self._scorer:
            self._scorer.anew()

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
        if self._watchdog:
            self._watchdog.assigned(position.partition for position in positions)
        return {position: offset for position, offset in offsets.items() if offset is not None}

    def before_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Checkpoints what is acknowledged."""
        self._state.checkpoint(offsets)

    def held_offset(self, position: TopicPartition) -> int | None:
        """Of an observation that waits for an earlier one of its device."""
        return self._engine.held_offset(position.partition)

    def idle(self) -> None:
        """Checkpoints what was acknowledged since the last checkpoint."""
        self._state.checkpoint({})

    def between(self) -> None:
        """The clock looks for what is due; the model is probed, and its outage told."""
        if self._watchdog:
            self._watchdog.look()
        if self._scorer:
            self._scorer.look()
            if self._model:
                self._model.look(self._scorer.well, self._scorer.reason)

    def revoked(self, positions: Sequence[TopicPartition]) -> None:
        """Checkpoints the state for the next owner and forgets it."""
        self._let_go(positions)
        self._state.give_up(positions)

    def lost(self, positions: Sequence[TopicPartition]) -> None:
        """Forgets the state: what the store has is what the next owner goes on from."""
        self._let_go(positions)
        self._state.forget(positions)

    def _let_go(self, positions: Sequence[TopicPartition]) -> None:
        self._drop(positions)
        if self._watchdog:
            self._watchdog.revoked(position.partition for position in positions)

    def rewound(self, position: TopicPartition, offset: int) -> int:
        """The state is ahead of what was written: back to the last checkpoint."""
        self._drop([position])
        back_to = self._state.take_back(position, offset)
        if self._watchdog:
            self._watchdog.rewound(position.partition, back_to)
        return back_to


async def start(service: Service) -> None:
    """Reads the rules, connects the log, the checkpoints and the model, and starts the stage."""
    settings = service.settings
    bus = await connect_bus(service)
    store = Checkpoints(settings.redis(), settings.bus_prefix, min(settings.bus_timeout_s, _STORE_TIMEOUT_S))
    with suppress(DependencyMissing):  # rather alarms without the former state than none
        await service.require("redis", lambda: asyncio.to_thread(store.ping))
    service.health.mark("redis", None)  # from here on "checkpoints" says how the store is
    rules = await asyncio.to_thread(_rules, service)
    if rules is None:
        store.close()
        return
    controls = ControlLog(bus)
    scorer, model = _model(service, controls)
    state = EngineState(
        rules.engine,
        store,
        bus,
        settings.checkpoint_interval_ms,
        settings.checkpoint_deltas_max,
        NAME,
        service.health,
    )
    watching = _watch(rules, settings.rules_watch_ms / 1000)

    async def close() -> None:
        watching.cancel()
        store.close()
        await asyncio.to_thread(controls.close)
        if scorer:
            scorer.close()

    service.on_drain("stores", close)
    service.serve_asgi(serve(application(rules, controls, settings, NAME)))
    watchdog = Watchdog(rules.engine.due_us, controls.append, settings.watchdog_tick_ms, NAME)
    run_stage(service, bus, [topology.ENRICHED], Evaluate(rules.engine, state, scorer, watchdog, model))


def _rules(service: Service) -> RuleFile | None:
    """The rule file, or None when there are no rules to start with: then the service ends and says why."""
    settings = service.settings
    path = Path(settings.rules_file) if settings.rules_file else paths.RULES
    last = LastRules(settings.redis(), settings.bus_prefix, _STORE_TIMEOUT_S)
    try:
        return RuleFile(path, settings.batch_observations_max, service.health, last)
    except NoRules as error:
        service.fail(f"RULES_FILE: {error}", EXIT_CONFIG)
        return None


def _watch(rules: RuleFile, every_s: float) -> asyncio.Task[None]:
    """Looks at the rule file every so often, and on SIGHUP."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    return asyncio.create_task(rules.watch(every_s, asked))


def _model(service: Service, controls: ControlLog) -> tuple[Scorer | None, ComponentWatch | None]:
    """Who asks the model, and who tells that it is away; neither with ANOMALY_ENABLED=false."""
    settings = service.settings
    if not settings.anomaly_enabled:
        return None, None
    scorer = Scorer(settings.grpc_target(MODEL), Bounds.of(settings), NAME)
    # The same name after a restart: what the former process said is then taken back.
    reporter = f"{NAME}@{socket.gethostname()}:{settings.http_ports[NAME]}"
    watch = ComponentWatch(
        MODEL,
        reporter,
        controls.append,
        settings.bus_partitions,
        service.health,
        settings.anomaly_down_after_s,
        settings.anomaly_up_after_s,
        settings.start_timeout_s,
    )
    return scorer, watch


def main() -> int:
    """Runs the service; returns its exit code."""
    return run(NAME, start)
