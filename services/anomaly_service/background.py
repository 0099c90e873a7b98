"""Work beside the scoring that may be left out but must not slow it: one thread of low priority, nothing queued."""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_NICE = 10
_log = logging.getLogger(__name__)


def _yielding() -> None:
    """Linux counts niceness per thread; elsewhere the thread runs as any other."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


class Background:
    """Takes a piece of work only when the last one is done: under load it samples, at leisure it sees all."""

    def __init__(self, name: str) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=name, initializer=_yielding)
        self._free = threading.Semaphore(1)

    def offer(self, work: Callable[[], None]) -> bool:
        """Whether the work was taken. From any thread; never blocks."""
        if not self._free.acquire(blocking=False):
            return False
        try:
            self._worker.submit(work).add_done_callback(self._ended)
        except RuntimeError:  # the service ends
            self._free.release()
            return False
        return True

    def close(self) -> None:
        """Takes nothing more; does not wait for the work under way."""
        self._worker.shutdown(wait=False)

    def _ended(self, done: "Future[None]") -> None:
        self._free.release()
        error = done.exception()
        if error is not None:
            _log.error("background_failed", exc_info=error)
