"""Micro-batches: who waits, for how long, and that everybody gets the own rows back."""

import asyncio
import threading
from typing import Any

import pytest

from services.anomaly_service.batcher import Batcher, Overloaded, Scored

MODEL: Any = object()


class Echo:
    """Answers a row with itself; holds every batch until `go` is set, and keeps their sizes."""

    def __init__(self) -> None:
        self.go, self.began = threading.Event(), threading.Semaphore(0)
        self.batches: list[int] = []

    def __call__(self, features: bytes, rows: int) -> Scored:
        self.batches.append(rows)
        self.began.release()
        assert self.go.wait(10)
        return Scored(features, MODEL)

    async def begun(self) -> None:
        assert await asyncio.to_thread(self.began.acquire, timeout=10)


async def test_a_lone_caller_is_scored_at_once() -> None:
    echo = Echo()
    echo.go.set()
    batcher = Batcher(echo, 1, linger_s=3600)
    assert await asyncio.wait_for(batcher.score(b"a", 1), 5) == (b"a", MODEL)
    await batcher.close()


async def test_calls_gather_while_the_only_thread_works() -> None:
    echo = Echo()
    batcher = Batcher(echo, 1, linger_s=3600)
    first = asyncio.ensure_future(batcher.score(b"a", 1))
    await echo.begun()
    others = [asyncio.ensure_future(batcher.score(bytes([n]) * n, n)) for n in (1, 2, 3)]
    while batcher.waiting < 3:
        await asyncio.sleep(0)
    echo.go.set()
    assert [answer.scores for answer in await asyncio.gather(first, *others)] == [b"a", b"\1", b"\2\2", b"\3\3\3"]
    assert echo.batches == [1, 6]
    await batcher.close()


async def test_a_call_is_refused_when_more_rows_wait_than_may() -> None:
    echo = Echo()
    batcher = Batcher(echo, 1, waiting_max=4)
    calls = [asyncio.ensure_future(batcher.score(b"a", 1))]
    await echo.begun()
    calls += [asyncio.ensure_future(batcher.score(bytes([n]) * n, n)) for n in (3, 1)]
    while batcher.waiting < 2:
        await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="4 rows wait already"):
        await batcher.score(b"b", 1)
    echo.go.set()
    assert [answer.scores for answer in await asyncio.gather(*calls)] == [b"a", b"\3\3\3", b"\1"]
    assert await batcher.score(b"bbbbb", 5) == (b"bbbbb", MODEL), "what nobody waits for is taken, whatever its size"
    await batcher.close()


async def test_a_free_thread_takes_a_full_batch_without_lingering() -> None:
    echo = Echo()
    batcher = Batcher(echo, 2, rows_max=4, linger_s=3600)
    calls = [asyncio.ensure_future(batcher.score(b"a", 1))]
    await echo.begun()
    calls += [asyncio.ensure_future(batcher.score(b"bb", 2)) for _ in range(2)]
    await echo.begun()
    assert echo.batches == [1, 4]
    echo.go.set()
    await asyncio.gather(*calls)
    await batcher.close()


async def test_a_free_thread_waits_the_linger_and_no_longer() -> None:
    echo = Echo()
    batcher = Batcher(echo, 2, linger_s=0.02)
    first = asyncio.ensure_future(batcher.score(b"a", 1))
    await echo.begun()
    second = asyncio.ensure_future(batcher.score(b"b", 1))
    await echo.begun()  # though the first is not done and the batch not full
    echo.go.set()
    assert [answer.scores for answer in await asyncio.gather(first, second)] == [b"a", b"b"]
    await batcher.close()


async def test_a_batch_holds_no_more_than_fit_unless_one_call_does() -> None:
    echo = Echo()
    batcher = Batcher(echo, 1, rows_max=4)
    first = asyncio.ensure_future(batcher.score(b"a", 1))
    await echo.begun()
    calls = [asyncio.ensure_future(batcher.score(b"x" * n, n)) for n in (3, 2, 9, 1)]
    while batcher.waiting < 4:
        await asyncio.sleep(0)
    echo.go.set()
    await asyncio.gather(first, *calls)
    assert echo.batches == [1, 3, 2, 9, 1]
    await batcher.close()


async def test_who_has_gone_is_not_scored_and_nobody_else_notices() -> None:
    echo = Echo()
    batcher = Batcher(echo, 1)
    first = asyncio.ensure_future(batcher.score(b"a", 1))
    await echo.begun()
    gone, stays = (asyncio.ensure_future(batcher.score(text, 1)) for text in (b"g", b"s"))
    while batcher.waiting < 2:
        await asyncio.sleep(0)
    gone.cancel()
    echo.go.set()
    assert (await stays).scores == b"s"
    assert (await first).scores == b"a"
    assert echo.batches == [1, 1]
    await batcher.close()


async def test_an_error_reaches_every_call_of_the_batch_and_no_other() -> None:
    echo = Echo()

    def score(features: bytes, rows: int) -> Scored:
        made = echo(features, rows)
        if rows > 1:
            raise ValueError("broken")
        return made

    batcher = Batcher(score, 1)
    first = asyncio.ensure_future(batcher.score(b"a", 1))
    await echo.begun()
    pair = [asyncio.ensure_future(batcher.score(b"b", 1)) for _ in range(2)]
    while batcher.waiting < 2:
        await asyncio.sleep(0)
    echo.go.set()
    assert (await first).scores == b"a"
    assert [type(e) for e in await asyncio.gather(*pair, return_exceptions=True)] == [ValueError, ValueError]
    assert (await batcher.score(b"c", 1)).scores == b"c"
    await batcher.close()


@pytest.mark.parametrize("rows", [0, 1])
async def test_rows_and_no_rows_can_share_a_batch(rows: int) -> None:
    echo = Echo()
    batcher = Batcher(echo, 1)
    first = asyncio.ensure_future(batcher.score(b"a", 1))
    await echo.begun()
    calls = [asyncio.ensure_future(batcher.score(b"b" * n, n)) for n in (0, rows, 0)]
    while batcher.waiting < 3:
        await asyncio.sleep(0)
    echo.go.set()
    assert [answer.scores for answer in await asyncio.gather(first, *calls)] == [b"a", b"", b"b" * rows, b""]
    await batcher.close()


async def test_a_small_lone_call_stays_on_the_event_loop_and_a_pair_gathers() -> None:
    threads: list[tuple[str, int]] = []

    def score(features: bytes, rows: int) -> Scored:
        threads.append((threading.current_thread().name, rows))
        if features == b"?":
            raise ValueError("broken")
        return Scored(features, MODEL)

    batcher = Batcher(score, 1, inline_rows=2)
    assert (await batcher.score(b"ab", 2)).scores == b"ab"
    assert (await batcher.score(b"abc", 3)).scores == b"abc"
    answers = await asyncio.gather(batcher.score(b"a", 1), batcher.score(b"b", 1))
    assert [answer.scores for answer in answers] == [b"a", b"b"]
    with pytest.raises(ValueError, match="broken"):
        await batcher.score(b"?", 1)
    main = threading.current_thread().name
    assert [(name == main, rows) for name, rows in threads] == [(True, 2), (False, 3), (False, 2), (True, 1)]
    await batcher.close()
