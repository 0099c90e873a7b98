"""The rules engine's stage with its checkpoints as a process of its own, without a model: two of them fit on one
machine, and all that comes out follows from the log. Says when it owns something; goes on until killed."""

import sys
from collections.abc import Mapping, Sequence

from services.rules_engine.service import NAME, Evaluate
from services.rules_engine.state import EngineState
from tests.unit.core.engine import RULES
from vigil import core, topology
from vigil.bus import connect
from vigil.bus.port import TopicPartition
from vigil.runtime.health import Health
from vigil.runtime.stage import Stage
from vigil.settings import Settings
from vigil.store.checkpoints import Checkpoints


class Telling(Evaluate):
    """Prints a line whenever partitions came."""

    def assigned(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        starts = super().assigned(positions)
        print("owns", *sorted(position.partition for position in positions), flush=True)
        return starts


if __name__ == "__main__":
    settings, health, engine = Settings.load(), Health(NAME), core.Engine(RULES)
    bus, store = connect(settings), Checkpoints(settings.redis(), settings.bus_prefix, 1.0)
    state = EngineState(engine, store, bus, settings.checkpoint_interval_ms, 4, NAME, health)
    stage = Stage(NAME, bus, [topology.ENRICHED], Telling(engine, state, None), settings, health)
    stage.on_crash = lambda reason: print(reason, flush=True)
    stage.start()
    sys.stdin.read()
