"""The clock of a partition: one tick under way, whatever the log does with it."""

from dataclasses import dataclass, field

from services.rules_engine.watchdog import LOST_AFTER_US, Watchdog
from vigil.bus.port import AckCallback, BusUnavailable, Record
from vigil.controls import ControlRecord

MS = 1000
START_US = 1_700_000_000_000_000


@dataclass
class Kennel:
    """A watchdog on a clock that is told the time, over a log that takes ticks or does not."""

    now_us: int = START_US
    due: dict[int, int | None] = field(default_factory=dict)
    taken: list[ControlRecord] = field(default_factory=list)
    waiting: list[AckCallback] = field(default_factory=list)
    away: bool = False

    def __post_init__(self) -> None:
        self.dog = Watchdog(self.due.get, self._append, 500, "test", lambda: self.now_us)
        self.dog.assigned([0, 1])

    def _append(self, record: ControlRecord, on_ack: AckCallback) -> None:
        if self.away:
            on_ack(BusUnavailable("away"))
        else:
            self.taken.append(record)
            self.waiting.append(on_ack)

    def look(self, after_ms: int) -> int:
        """Time passes in steps of 20 ms, a look at each; how many ticks the log has then."""
        for _ in range(after_ms // 20):
            self.now_us += 20 * MS
            self.dog.look()
        return len(self.taken)

    def back(self, at: int, offset: int) -> None:
        tick = self.taken[at]
        record = Record(tick.topic, tick.partition, offset, tick.key, tick.value, 0)
        self.dog.seen(tick.partition, [record._replace(key=None), record])


def test_nothing_is_written_before_its_time_and_then_within_one_tick() -> None:
    kennel = Kennel(due={0: START_US + 3000 * MS, 1: None})
    assert kennel.look(2980) == 0
    assert kennel.look(520) == 1
    assert kennel.taken[0].partition == 0


def test_ticks_do_not_pile_up_while_one_is_under_way() -> None:
    kennel = Kennel(due={0: START_US})
    assert kennel.look(30_000) == 1
    kennel.back(0, 7)
    kennel.due[0] = kennel.now_us + 10_000 * MS
    assert kennel.look(9_400) == 1
    assert kennel.look(1_200) == 2


def test_a_due_time_that_comes_before_the_tick_that_came_back_is_not_missed() -> None:
    """A backlog read behind the tick may hold times long past."""
    kennel = Kennel(due={0: START_US})
    kennel.look(600)
    kennel.back(0, 7)
    kennel.due[0] = START_US - 1
    assert kennel.look(520) == 2


def test_what_the_log_refuses_is_written_again() -> None:
    kennel = Kennel(due={0: START_US}, away=True)
    kennel.look(5_000)
    kennel.away = False
    assert kennel.look(520) == 1
    kennel.waiting[0](BusUnavailable("given up"))
    assert kennel.look(520) == 2
    kennel.waiting[1](None)
    assert kennel.look(5_000) == 2


def test_a_refusal_of_a_former_tick_does_not_concern_the_next() -> None:
    kennel = Kennel(due={0: START_US})
    kennel.look(600)
    kennel.back(0, 7)
    assert kennel.look(520) == 2
    kennel.waiting[0](BusUnavailable("its answer was lost"))
    assert kennel.look(5_000) == 2


def test_a_batch_taken_back_brings_its_tick_again() -> None:
    kennel = Kennel(due={0: START_US})
    kennel.look(600)
    kennel.back(0, 7)
    kennel.dog.rewound(0, 5)
    assert kennel.look(5_000) == 1, "it is read once more"
    kennel.back(0, 7)
    kennel.dog.rewound(0, 8)
    assert kennel.look(520) == 2, "that one lies before where the state stands"


def test_a_lost_tick_and_a_clock_set_back_do_not_stop_the_dog() -> None:
    kennel = Kennel(due={0: START_US - LOST_AFTER_US})
    assert kennel.look(LOST_AFTER_US // MS + 1000) == 2
    kennel.back(1, 7)
    kennel.now_us -= LOST_AFTER_US
    assert kennel.look(520) == 3


def test_a_partition_that_went_away_has_no_clock() -> None:
    kennel = Kennel(due={0: START_US, 1: START_US})
    kennel.dog.revoked([0])
    kennel.look(600)
    assert [tick.partition for tick in kennel.taken] == [1]
    kennel.dog.revoked([1])
    kennel.dog.assigned([1])
    assert kennel.look(520) == 2, "who takes it over does not know of the tick under way"
