"""The sender over real sockets: a body that is not taken is sent again, never lost, never overtaken."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from vigil.clients.gateway import HttpTransport
from vigil.clients.sending import Sender, Statistics

Decide = Callable[[bytes, int], web.Response]


class Gateway:
    """Answers as `decide(body, times this body came)` says, and remembers what it took in which order."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self.seen: dict[bytes, int] = {}
        self.taken: list[bytes] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.seen[body] = self.seen.get(body, 0) + 1
        response = self._decide(body, self.seen[body])
        if response.status < 300:
            self.taken.append(body)
        return response


@pytest.fixture
async def serve(free_port: Callable[[], int]) -> AsyncIterator[Callable[[Decide], "asyncio.Future[object]"]]:
    runners = []

    async def start(decide: Decide) -> tuple[Gateway, str]:
        gateway = Gateway(decide)
        app = web.Application()
        app.router.add_post("/api/telemetry", gateway.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        runners.append(runner)
        return gateway, f"http://127.0.0.1:{port}"

    yield start  # type: ignore[misc]
    for runner in runners:
        await runner.cleanup()


async def sent(url: str, bodies: int, lanes: int = 3) -> Statistics:
    sender = Sender(HttpTransport(url, lanes), lanes)
    for number in range(bodies):
        await sender.submit(number % lanes, b"%d" % number, 10)
    await sender.finish(10)
    return sender.statistics


async def test_a_503_is_sent_again_and_nothing_overtakes_it_in_its_lane(serve: Callable[..., object]) -> None:
    def decide(body: bytes, times: int) -> web.Response:
        busy = int(body) % 4 == 0 and times <= 2
        return web.Response(status=503, headers={"retry-after": "0"}) if busy else web.Response(status=202)

    gateway, url = await serve(decide)  # type: ignore[misc]
    statistics = await sent(url, 30)
    assert sorted(map(int, gateway.taken)) == list(range(30))
    for lane in range(3):
        mine = [int(body) for body in gateway.taken if int(body) % 3 == lane]
        assert mine == sorted(mine)
    assert (statistics.accepted, statistics.rejected, statistics.unsent) == (300, 0, 0)
    assert statistics.retried == 16
    assert statistics.problems == {"HTTP 503": 16}


async def test_partial_and_refused_bodies_are_counted(serve: Callable[..., object]) -> None:
    errors = '[{"field":"metrics.hr","code":"wrong_type","message":"…"}]'
    partial = '{"rejected":3,"results":[{"success":true},{"success":false,"errors":' + errors + "}]}"

    def decide(body: bytes, times: int) -> web.Response:
        if body == b"0":
            return web.json_response(text=partial, status=207)
        return web.json_response(text='{"errors":' + errors + "}", status=422)

    _, url = await serve(decide)  # type: ignore[misc]
    statistics = await sent(url, 2)
    assert (statistics.accepted, statistics.rejected, statistics.retried) == (7, 13, 0)
    assert statistics.problems == {"metrics.hr: wrong_type": 1, "HTTP 422: metrics.hr: wrong_type": 1}


async def test_a_gateway_that_comes_back_gets_everything(free_port: Callable[[], int]) -> None:
    port = free_port()
    sender = Sender(HttpTransport(f"http://127.0.0.1:{port}", 1), 1)
    await sender.submit(0, b"early", 1)
    while not sender.statistics.retried:
        await asyncio.sleep(0.01)
    gateway = Gateway(lambda body, times: web.Response(status=202))
    app = web.Application()
    app.router.add_post("/api/telemetry", gateway.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await sender.finish(10)
    await runner.cleanup()
    assert gateway.taken == [b"early"]
    assert sender.statistics.accepted == 1


async def test_what_could_not_be_sent_in_time_is_told(free_port: Callable[[], int]) -> None:
    statistics = await asyncio.wait_for(_given_up(f"http://127.0.0.1:{free_port()}"), 20)
    assert (statistics.accepted, statistics.unsent) == (0, 30)


async def _given_up(url: str) -> Statistics:
    sender = Sender(HttpTransport(url, 1), 1)
    for number in range(3):
        await sender.submit(0, b"%d" % number, 10)
    await sender.finish(0.3)
    return sender.statistics
