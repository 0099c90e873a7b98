"""Work beside the scoring: of low priority, one piece at a time, never queued."""

import os
import sys
import threading

import pytest

from services.anomaly_service import background
from services.anomaly_service.background import Background


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts niceness per thread")
def test_its_thread_yields_and_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_NICE", 19)  # more than the tests themselves may run with
    made, seen = Background("test"), threading.Event()
    nice: list[int] = []

    def look() -> None:
        nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        seen.set()

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert made.offer(look)
    assert seen.wait(10)
    assert nice == [19]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
    made.close()


def test_what_comes_while_it_works_is_left_out() -> None:
    made, begun, go = Background("test"), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(10)

    assert made.offer(work)
    assert begun.wait(10)
    assert not made.offer(work)
    go.set()
    made.close()
    assert not made.offer(work), "nor after it is closed"
