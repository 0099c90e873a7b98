"""Work over processes: in the order of the tasks, and a process that is lost is said in words."""

import os

import pytest

from vigil.backtest.workers import WorkerLost, Workers
from vigil.cli.console import ERRORS, fail


def squared(number: int) -> int:
    """A worker's work."""
    return number * number


def lost(number: int) -> int:
    """Work that ends its process, as the kernel does for want of memory."""
    os._exit(number)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_tasks(processes: int) -> None:
    done: list[int] = []
    with Workers(processes) as workers:
        assert workers.run(squared, [(n,) for n in range(9)], done.append) == [n * n for n in range(9)]
    assert sorted(done) == [n * n for n in range(9)]


def test_a_process_that_is_lost_is_said_in_words() -> None:
    with pytest.raises(WorkerLost, match="--processes 1") as raised, Workers(2) as workers:
        workers.run(lost, [(3,)])
    assert fail(raised.value) == ERRORS["WorkerLost"]
