"""The HTTP edge of a service: operations routes for all, and the service's own application behind them.

`Edge` is mounted in Granian. It answers /health, /livez, /readyz and /metrics itself and hands every other
path to the application, so that they answer while the service still waits for what it needs.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from vigil.runtime import metrics
from vigil.runtime.health import Health

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
RsgiApp = Callable[[Any, Any], Awaitable[None]]
JSON = "application/json"


class Edge:
    """An RSGI and ASGI application: operations routes first, then `app` once it is there."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self.asgi: AsgiApp | None = None
        self.rsgi: RsgiApp | None = None

    def operations(self, path: str) -> tuple[int, str, bytes] | None:
        """Status, content type and body of an operations route; None for any other path."""
        if path in ("/health", "/readyz"):
            status, body = self._health.ready()
        elif path == "/livez":
            status, body = self._health.live()
        elif path == "/metrics":
            kind, body = metrics.exposition()
            return 200, kind, body
        else:
            return None
        return status, JSON, body

    def absent(self) -> tuple[int, str, bytes]:
        """What is answered while there is no application (yet)."""
        body = b'{"type":"about:blank","title":"Not Found","status":404}'
        return 404, "application/problem+json", body

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Granian's own interface: the gateway's hot path."""
        answer = self.operations(scope.path) if scope.proto == "http" else None
        if answer is None and self.rsgi is not None:
            await self.rsgi(scope, protocol)
            return
        status, kind, body = answer or self.absent()
        protocol.response_bytes(status, [("content-type", kind)], body)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI: the REST services."""
        if scope["type"] != "http":
            return
        answer = self.operations(scope["path"])
        if answer is None and self.asgi is not None:
            await self.asgi(scope, receive, send)
            return
        status, kind, body = answer or self.absent()
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class HttpServer:
    """Granian inside the service's own event loop."""

    def __init__(self, edge: Edge, host: str, port: int, *, rsgi: bool) -> None:
        self._address = (host, port)
        interface = Interfaces.RSGI if rsgi else Interfaces.ASGINL
        self._server = Server(
            edge,
            host,
            port,
            interface=interface,
            http=HTTPModes.auto,
            websockets=False,
            log_enabled=False,
            backlog=1024,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listens; raises `OSError` when the port is taken."""
        host, port = self._address
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
        self._task = asyncio.create_task(self._server.serve())
        for _ in range(500):
            if self._task.done():
                self._task.result()
            try:
                _, writer = await asyncio.open_connection(host if host != "0.0.0.0" else "127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
        raise OSError(f"nothing answers on {host}:{port}")

    async def stop(self, timeout_s: float) -> None:
        """Stops taking requests and lets the running ones end."""
        self._server.stop()  # type: ignore[no-untyped-call]
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout_s)
