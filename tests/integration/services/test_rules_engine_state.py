"""The rules engine's stage on a real log, with its checkpoints in a Redis of their own that comes and goes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from services.rules_engine import state as state_module
from services.rules_engine.service import NAME, Evaluate
from services.rules_engine.state import EngineState
from tests.conftest import unique
from tests.integration.bus.support import await_true
from tests.unit.core.engine import RULES, enriched
from tests.unit.core.events import batch
from vigil import core, topology
from vigil.bus import connect
from vigil.bus.port import Bus, DeliveryFailed, Record, TopicPartition
from vigil.embedded.redis import EmbeddedRedis
from vigil.pb import events_pb2
from vigil.runtime.health import Health
from vigil.runtime.stage import Outcome, Stage
from vigil.settings import Settings
from vigil.store.checkpoints import Checkpoints

Values = list[tuple[str, float, int]]
ASYSTOLE: Values = [("heart_rate", 0, 0)]
NORMAL: Values = [("heart_rate", 70, 0)]
P0 = TopicPartition(topology.ENRICHED, 0)


@pytest.fixture(scope="module")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """The Redis of the checkpoints; stopped and started by the tests."""
    with EmbeddedRedis(tmp_path_factory.mktemp("store")) as running:
        yield running


class Faulty:
    """The real thing, with a fault put into chosen calls."""

    def __init__(self, real: Any, **faults: Callable[..., Any]) -> None:
        self._real, self._faults = real, faults

    def __getattr__(self, name: str) -> Any:
        return self._faults.get(name) or getattr(self._real, name)


@dataclass
class Ward:
    """A log, a store, and rules engines over them, one after the other."""

    bus: Bus
    settings: Settings
    store_url: str
    prefix: str = field(default_factory=lambda: unique("t") + ".")
    health: Health = field(default_factory=lambda: Health("test"))
    running: list[Stage] = field(default_factory=list)
    sent: int = 0

    def engine(self, log: Any = None, poison: bytes = b"", interval_ms: int = 50) -> Stage:
        """Starts a rules engine; one that meets `poison` fails."""
        made = core.Engine(RULES)
        store = Checkpoints(self.store_url, self.prefix, 1.0)
        kept = EngineState(made, store, log or self.bus, interval_ms, 4, NAME, self.health)

        class Picky(Evaluate):
            def process(self, position: TopicPartition, records: Sequence[Record]) -> Outcome:
                outcome = super().process(position, records)
                if any(record.value == poison for record in records):
                    raise ValueError("poison")
                return outcome

        stage = Stage(NAME, log or self.bus, [topology.ENRICHED], Picky(made, kept, None), self.settings, self.health)
        self.running.append(stage)
        stage.start()
        return stage

    def send(self, values: Values, patient: str = "p1") -> bytes:
        """One more observation of a patient, ten seconds later."""
        self.sent += 1
        value = batch([enriched(self.sent, self.sent * 10.0, values, patient=patient, device=f"d-{patient}")])
        producer = self.bus.producer()
        producer.send(topology.ENRICHED, 0, value)
        producer.flush(10)
        producer.close()
        return value

    def settled(self) -> None:
        await_true(lambda: self.bus.lag(NAME, topology.ENRICHED) == 0, "everything committed")

    def read(self, topic: str) -> list[bytes]:
        return [r.value for held in self.bus.ranges(topic) for r in self.bus.read(held.position, held.low, held.high)]

    def starts(self, kind: str = "asystole") -> set[bytes]:
        """Ids of the START alerts of a kind."""
        found = [events_pb2.AlertEvent.FromString(value) for value in self.read(topology.ALERTS)]
        return {a.header.event_id for a in found if a.alert_type == kind and a.phase == events_pb2.ALERT_PHASE_START}

    def scored(self) -> set[bytes]:
        batches = [events_pb2.TelemetryBatch.FromString(value) for value in self.read(topology.SCORED)]
        return {o.header.event_id for b in batches for o in b.observations}

    def checkpointed(self) -> int:
        """The offset of what the store holds; -1 = nothing."""
        with redis.Redis.from_url(self.store_url) as client:
            segments: Any = client.lrange(f"{self.prefix}vigil:checkpoint:0:segments", 0, -1)
        return core.Engine(RULES).restore(0, segments) if segments else -1

    def high(self) -> int:
        return next(held.high for held in self.bus.ranges(topology.ENRICHED) if held.position == P0)


@pytest.fixture
def ward(redis_url: str, store_server: EmbeddedRedis) -> Iterator[Ward]:
    env = {"BUS_PREFIX": unique("t") + ".", "REDIS_URL": redis_url, "COMMIT_INTERVAL_MS": "20"}
    settings = Settings.load({**env, "POLL_TIMEOUT_MS": "20", "BUS_SESSION_TIMEOUT_S": "2"})
    bus = connect(settings)
    bus.ensure_topics(settings.bus_partitions)
    store_server.start()
    made = Ward(bus, settings, store_server.url)
    yield made
    for stage in made.running:
        stage.stop(10)
        assert stage.crashed is None
    bus.close()


def test_rules_go_on_while_the_checkpoint_store_is_away(ward: Ward, store_server: EmbeddedRedis) -> None:
    ward.engine()
    ward.send(NORMAL)
    ward.settled()
    store_server.stop()
    for number in range(4):
        ward.send(ASYSTOLE, f"p{number}")
        await_true(lambda n=number: len(ward.starts()) == n + 1, "the alarm is raised without the store", 5)
    assert "checkpoints" in ward.health.problems()
    store_server.start()
    await_true(lambda: ward.checkpointed() == ward.high(), "checkpointed once the store is back")
    assert not ward.health.problems()


def test_a_batch_can_be_taken_back_while_the_store_is_away(ward: Ward, store_server: EmbeddedRedis) -> None:
    fail = [0]

    def producer() -> Any:
        real = ward.bus.producer()

        def flush(timeout_s: float) -> None:
            if fail[0]:
                fail[0] -= 1
                raise DeliveryFailed("injected")
            real.flush(timeout_s)

        return Faulty(real, flush=flush)

    ward.engine(Faulty(ward.bus, producer=producer))
    ward.send(NORMAL)
    ward.settled()
    store_server.stop()
    ward.send(NORMAL)
    ward.settled()
    await_true(lambda: "checkpoints" in ward.health.problems(), "the absence was noticed")
    fail[0] = 2
    ward.send(ASYSTOLE)
    await_true(lambda: len(ward.starts()) == 1, "the alarm is raised", 10)
    ward.settled()
    assert len(ward.scored()) == 3
    assert fail == [0]


def test_who_takes_over_without_the_store_raises_alarms_all_the_same(
    ward: Ward, store_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "TAKE_WITHOUT_STATE_AFTER_S", 0.3)
    store_server.stop()
    ward.engine()
    ward.send(ASYSTOLE)
    await_true(lambda: len(ward.starts()) == 1, "the alarm is raised", 10)
    store_server.start()
    ward.send(ASYSTOLE)
    await_true(lambda: ward.checkpointed() == ward.high(), "checkpointed once the store is back")


def test_a_store_that_lost_its_data_gets_a_whole_checkpoint(ward: Ward) -> None:
    ward.engine()
    ward.send(ASYSTOLE)
    await_true(lambda: ward.checkpointed() == ward.high(), "checkpointed")
    with redis.Redis.from_url(ward.store_url) as client:
        client.flushall()
    ward.send(ASYSTOLE)
    await_true(lambda: ward.checkpointed() == ward.high(), "checkpointed whole")
    assert not ward.read(topology.DEAD_LETTER)
    ward.running.pop().stop(10)
    ward.engine()
    ward.send(ASYSTOLE)
    ward.settled()
    assert len(ward.starts()) == 1, "the episode is still the same"


def test_a_checkpoint_of_a_topic_that_was_made_anew_is_refused(ward: Ward) -> None:
    ward.engine()
    ward.send(ASYSTOLE)
    ward.settled()
    ward.running.pop().stop(10)
    identities = [ward.bus.identity(topology.ENRICHED), "another", ""]
    assert len(set(identities)) == 3
    for identity, known in zip(identities, [1, 0, 1], strict=True):
        engine = core.Engine(RULES)
        log: Any = Faulty(ward.bus, identity=lambda _topic, identity=identity: identity)
        store = Checkpoints(ward.store_url, ward.prefix, 1.0)
        taken = EngineState(engine, store, log, 50, 4, NAME, ward.health).take(P0)
        assert (taken is not None, engine.patients(0)) == (bool(known), known), identity


def test_checkpoints_take_a_twentieth_of_the_time_at_most(ward: Ward) -> None:
    now, spent = [1000.0], [0.0]

    def slowly(*args: Any, **named: Any) -> int:
        now[0] += 0.5
        spent[0] += 0.5
        return real.write(*args, **named)

    real = Checkpoints(ward.store_url, ward.prefix, 1.0)
    store: Any = Faulty(real, write=slowly)
    kept = EngineState(core.Engine(RULES), store, ward.bus, 0, 4, NAME, ward.health, lambda: now[0])
    positions = [TopicPartition(topology.ENRICHED, p) for p in range(2)]
    for position in positions:
        kept.take(position)
        kept.begin(position, 0, 0)
    began, spent[0] = now[0], 0.0
    for offset in range(1, 2000):
        for position in positions:
            kept.begin(position, offset - 1, offset)
        kept.checkpoint(dict.fromkeys(positions, offset))
        now[0] += 0.1
    assert 0.04 < spent[0] / (now[0] - began) <= 0.055
    assert ward.checkpointed() > 1900, "no partition is forgotten"


def test_deltas_never_outgrow_their_snapshot(ward: Ward) -> None:
    ward.engine(interval_ms=0)
    for _ in range(8):
        ward.send(NORMAL)
        await_true(lambda: ward.checkpointed() == ward.high(), "checkpointed")
        with redis.Redis.from_url(ward.store_url) as client:
            sizes = [len(s) for s in client.lrange(f"{ward.prefix}vigil:checkpoint:0:segments", 0, -1)]
        assert sum(sizes[1:-1]) <= sizes[0]


@pytest.mark.parametrize("how", ["idle", "stopped"])
def test_nothing_is_left_to_replay(ward: Ward, how: str) -> None:
    stage = ward.engine(interval_ms=60_000 if how == "stopped" else 300)
    for _ in range(3):
        ward.send(NORMAL)
    ward.settled()
    if how == "stopped":
        assert ward.checkpointed() < ward.high()
        stage.stop(10)
        assert ward.checkpointed() == ward.high()
    await_true(lambda: ward.checkpointed() == ward.high(), "checkpointed while nothing comes", 5)


def test_a_poison_record_is_one_dead_letter_and_the_rest_goes_on(ward: Ward) -> None:
    before = [ward.send(NORMAL), ward.send(ASYSTOLE)]
    poison = ward.send([("heart_rate", 71, 0)], "p2")
    after = [ward.send(ASYSTOLE), ward.send(NORMAL, "p3")]
    ward.engine(poison=poison)
    ward.settled()
    letters = [events_pb2.DeadLetter.FromString(value) for value in ward.read(topology.DEAD_LETTER)]
    assert {(letter.original, letter.error_code, letter.observations) for letter in letters} == {
        (poison, "internal", 1)
    }
    assert len(ward.scored()) == len(before) + len(after)
    assert len(ward.starts()) == 1


def test_a_trimmed_log_keeps_the_alarms_and_a_new_log_does_not(ward: Ward, tmp_path: Path) -> None:
    engine, held = core.Engine(RULES), Faulty
    store = Checkpoints(ward.store_url, ward.prefix, 1.0)

    def taken(low: int, high: int) -> tuple[int | None, int]:
        ranges = [next(r for r in ward.bus.ranges(topology.ENRICHED) if r.position == P0)._replace(low=low, high=high)]
        log: Any = held(ward.bus, ranges=lambda _topic: ranges)
        kept = EngineState(engine, store, log, 50, 4, NAME, ward.health)
        return kept.take(P0), engine.patients(0)

    ward.engine()
    for number in range(3):
        ward.send(ASYSTOLE, f"p{number}")
    ward.settled()
    ward.running.pop().stop(10)
    at = ward.checkpointed()
    assert taken(0, at) == (at, 3)
    assert taken(at + 5, at + 9) == (at + 5, 3), "what is gone is gone, what was known is kept"
    assert taken(0, at - 1) == (None, 0), "an offset behind the end belongs to another log"


def test_a_state_that_is_ahead_of_what_is_acknowledged_is_not_checkpointed(ward: Ward) -> None:
    kept = EngineState(
        core.Engine(RULES), Checkpoints(ward.store_url, ward.prefix, 1.0), ward.bus, 0, 4, NAME, ward.health
    )
    assert kept.take(P0) is None
    kept.begin(P0, 0, 5)
    kept.checkpoint({P0: 3})
    kept.checkpoint({})
    kept.give_up([P0])
    assert ward.checkpointed() == 0
