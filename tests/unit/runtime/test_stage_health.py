"""What the batch loop says of itself while the log is away."""

from collections.abc import Iterable

from tests.unit.runtime.memory_log import MemoryLog, Reader, filled
from vigil.bus.port import NO_CALLBACKS, BusUnavailable, Callbacks, Record
from vigil.runtime.stage import Outcome, Stateless


class Away(MemoryLog):
    """A log whose first reader hears at last that it is away; the next ones read nothing until it answers."""

    pings_in_vain = 3
    readers = 0

    def consumer(self, topics: Iterable[str], group: str | None, callbacks: Callbacks = NO_CALLBACKS) -> Reader:
        self.readers += 1
        self.said: list[bool] = []  # of each poll: whether the stage says before that something is wrong
        return Waiting(self, callbacks)

    def ping(self, timeout_s: float) -> None:
        if self.pings_in_vain:
            self.pings_in_vain -= 1
            raise BusUnavailable("injected")


class Waiting(Reader):
    def __init__(self, log: Away, callbacks: Callbacks) -> None:
        super().__init__(log, callbacks)
        self.log = log

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        assert self.log.stage is not None
        self.log.said.append("stage" in self.log.stage._health.problems())
        assert len(self.log.said) < 100, "it no longer asks whether the log answers"
        if self.log.readers == 1:
            raise BusUnavailable("away for long")
        return super().poll(max_records, timeout_s) if self.log.pings_in_vain == 0 else []


class Copying(Stateless):
    def process(self, position: object, records: object) -> Outcome:
        return Outcome()


def test_a_stage_is_not_fine_again_before_the_log_answers() -> None:
    """A new reader of a log that is away reads nothing, and no error either for a while."""
    log = Away(filled(1, 2).inputs)
    stage = log.run(Copying())
    assert log.readers == 2
    assert log.said == [True] * 4 + [False]
    assert not stage._health.problems()
