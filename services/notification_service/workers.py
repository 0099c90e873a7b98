"""Background workers: steps that are repeated while they find work, and woken when there may be more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from vigil.runtime.health import Health

_log = logging.getLogger(__name__)
_PAUSE_S = 0.5  # what other instances stored, or what fell due, is found this late at most

Step = Callable[[], Awaitable[int]]


class Workers:
    """Runs steps side by side; a step that raises is reported at /readyz and tried again."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._wakers: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self, name: str, step: Step, *, pause_s: float = _PAUSE_S) -> None:
        """Starts repeating `step`, which returns how much it found to do."""
        self._wakers[name] = asyncio.Event()
        self._tasks.append(asyncio.create_task(self._repeat(name, step, pause_s), name=name))

    def wake(self) -> None:
        """There may be work. Call from the event loop's thread."""
        for waker in self._wakers.values():
            waker.set()

    async def stop(self) -> None:
        """Ends after the steps under way."""
        self._stopping = True
        self.wake()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, name: str, step: Step, pause_s: float) -> None:
        waker = self._wakers[name]
        while not self._stopping:
            waker.clear()
            try:
                found = await step()
                self._health.mark(name, None)
            except Exception as error:
                found = 0
                self._health.mark(name, f"{type(error).__name__}: {error}")
                _log.exception("worker_failed", extra={"fields": {"worker": name}})
                await asyncio.sleep(pause_s)
            if not found:
                try:
                    await asyncio.wait_for(waker.wait(), pause_s)
                except TimeoutError:
                    continue
