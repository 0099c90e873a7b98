"""Checkpoints: their share of the rules engine's CPU at full rate, the size of the state, and how fast it is restored.

python -m load.bench.checkpoints [--patients 100000] [--rounds 20]

Patients send once a second of event time, and the engine gets them as fast as it takes them: that is the fullest rate,
and the dearest case, since every patient changes between two checkpoints. Engine, state keeping and Redis are the
real ones. What the service does beside (the log, the model) is left out, so that the share is rather too large.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from load.bench.bodies import Fleet, stamped
from load.bench.core_stages import PARTITIONS, Stages
from services.rules_engine.state import EngineState
from vigil import paths, topology
from vigil.bus.port import Bus, PartitionRange, TopicPartition
from vigil.core import Engine
from vigil.embedded.redis import EmbeddedRedis
from vigil.runtime import memory
from vigil.runtime.health import Health
from vigil.settings import Settings
from vigil.store.checkpoints import Checkpoints

Say = Callable[[str], None]
RECORDS_A_POLL = 8


class _Log:
    """A log that holds everything."""

    def identity(self, topic: str) -> str:
        return "bench"

    def ranges(self, topic: str) -> list[PartitionRange]:
        return [PartitionRange(TopicPartition(topic, p), 0, 1 << 62) for p in range(PARTITIONS)]


class Busy:
    """A clock that goes only while the rules engine would be at work: the load's own making takes no time."""

    def __init__(self) -> None:
        self._total, self._since = 1.0, 0.0

    def go(self) -> None:
        """The rules engine is at work."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """It is not."""
        self._total, self._since = self(), 0.0

    def __call__(self) -> float:
        """Seconds at work."""
        return self._total + (time.perf_counter() - self._since if self._since else 0.0)


def measure(say: Say, redis_url: str, patients: int, rounds: int) -> dict[str, Any]:
    """The figures."""
    memory.keep_freed()  # as the services do
    settings, fleet = Settings.load(), Fleet(patients)
    stages, busy = Stages(fleet.device_ids()), Busy()
    engine, store = stages.engine, Checkpoints(redis_url, f"bench.{time.time_ns()}.", 10.0)
    state = _state(engine, store, settings, busy)
    positions = [TopicPartition(topology.ENRICHED, p) for p in range(PARTITIONS)]
    for position in positions:
        state.take(position)
    templates, start_ms, at = fleet.templates(), int(time.time() * 1000), dict.fromkeys(positions, 0)
    rules_s = checkpoints_s = 0.0
    for n in range(rounds + 1):
        if n == 1:  # the first round makes every patient's state
            rules_s = checkpoints_s = 0.0
        for first in range(0, len(templates), RECORDS_A_POLL):
            bodies = [stamped(pair[1], start_ms + n * 1000) for pair in templates[first : first + RECORDS_A_POLL]]
            polled = stages.enriched(bodies, (start_ms + n * 1000) * 1000)
            busy.go()
            began = time.process_time()
            for p, values in polled.items():
                position = positions[p]
                state.begin(position, at[position], at[position] + len(values))
                offsets = list(range(at[position], at[position] + len(values)))
                pending = engine.begin(topology.ENRICHED, p, offsets, values, time.time_ns() // 1000)
                engine.finish(pending, None, "", time.time_ns() // 1000)
                at[position] += len(values)
            between = time.process_time()
            state.checkpoint(at)
            rules_s += between - began
            checkpoints_s += time.process_time() - between
            busy.stop()
    observations = rounds * patients
    share = checkpoints_s / (rules_s + checkpoints_s)
    say(f"{share:.1%} of the CPU is checkpoints; {rules_s * 1e6 / observations:.2f} µs an observation for the rules")
    state_bytes = engine.state_bytes()
    whole = [len(engine.checkpoint(p, at[positions[p]], True)) for p in range(PARTITIONS)]
    for p, position in enumerate(positions):
        store.write(p, engine.checkpoint(p, at[position], True), full=True)
        store.write(p, engine.checkpoint(p, at[position], False), full=False)
    other = Engine(paths.RULES.read_text(encoding="utf-8"))
    began = time.perf_counter()
    restorer = _state(other, store, settings)
    for position in positions:
        if restorer.take(position) != at[position]:
            raise SystemExit("what was restored stands elsewhere")
    restore_s = time.perf_counter() - began
    if sum(other.patients(p) for p in range(PARTITIONS)) != patients:
        raise SystemExit("patients are missing")
    say(f"{patients:,} patients restored in {restore_s:.2f} s")
    store.close()
    return {
        "patients": patients,
        "rules, µs of CPU an observation": round(rules_s * 1e6 / observations, 3),
        "checkpoints, µs of CPU an observation": round(checkpoints_s * 1e6 / observations, 3),
        "share of checkpoints": round(share, 4),
        "state in memory, bytes a patient": round(state_bytes / patients),
        "checkpoint, bytes a patient": round(sum(whole) / patients),
        "restored in (s)": round(restore_s, 2),
    }


def _state(
    engine: Engine, store: Checkpoints, settings: Settings, clock: Callable[[], float] = time.monotonic
) -> EngineState:
    log = cast(Bus, _Log())
    interval, deltas = settings.checkpoint_interval_ms, settings.checkpoint_deltas_max
    return EngineState(engine, store, log, interval, deltas, "rules-engine", Health("bench"), clock)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m load.bench.checkpoints", description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder, EmbeddedRedis(Path(folder) / "redis") as redis:
        found = measure(lambda text: console.print(text), redis.url, options.patients, options.rounds)
    for name, value in found.items():
        console.print(f"{name:45} {value:>12,}", highlight=False)


if __name__ == "__main__":
    main()
