"""The circuit breaker, on a clock of its own."""

from services.rules_engine.breaker import Breaker, Limits, State


class Clock:
    """A monotonic clock that is told the time."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def made() -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker(Limits(failures_max=3, pause_s=1.0, pause_max_s=5.0, held_s=10.0), clock), clock


def trip(breaker: Breaker) -> None:
    while breaker.state is State.CLOSED:
        breaker.failed()


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker, _ = made()
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.state is State.CLOSED
    breaker.failed()
    breaker.succeeded(slow=True)
    assert breaker.state is State.CLOSED
    breaker.failed()
    assert breaker.state is State.OPEN, "a slow answer is a failure for who waits"


def test_a_probe_decides_after_the_pause_and_the_pause_grows_to_its_bound() -> None:
    breaker, clock = made()
    trip(breaker)
    for pause in (1.0, 2.0, 4.0, 5.0, 5.0):
        clock.at += pause - 0.01
        assert not breaker.probe_due
        clock.at += 0.02
        assert breaker.probe_due
        breaker.probing()
        assert breaker.state is State.HALF_OPEN
        assert not breaker.probe_due, "one probe at a time"
        breaker.failed()
        assert breaker.state is State.OPEN
    clock.at += 5.0
    breaker.probing()
    breaker.succeeded()
    assert breaker.state is State.CLOSED


def test_the_pause_starts_anew_only_when_it_held() -> None:
    breaker, clock = made()
    for held, pause in ((0.0, 1.0), (1.0, 2.0), (11.0, 1.0)):
        clock.at += held
        trip(breaker)
        clock.at += pause - 0.01
        assert not breaker.probe_due, (held, pause)
        clock.at += 0.02
        assert breaker.probe_due, (held, pause)
        breaker.probing()
        breaker.succeeded()
