"""An open-loop load generator in a process of its own: requests have intended send times and keep them.

A latency counts from the intended time, so a server that falls behind is not forgiven. Prints one JSON line.
"""

import argparse
import asyncio
import json
import time

import uvloop

from load.bench.bodies import Fleet, stamped

CONNECTIONS = 8


class Result:
    """What happened."""

    def __init__(self) -> None:
        self.sent = self.accepted = self.refused = 0
        self.statuses: dict[str, int] = {}
        self.latencies_ms: list[float] = []
        self.behind_ms_max = 0.0


async def _connection(
    host: str, port: int, queue: "asyncio.Queue[tuple[float, bytes, int] | None]", result: Result
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    head = f"POST /api/telemetry HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\n"
    prefix = head.encode() + b"content-length: "
    while (item := await queue.get()) is not None:
        intended, body, observations = item
        while True:
            writer.write(prefix + str(len(body)).encode() + b"\r\n\r\n" + body)
            status = await _response(reader)
            result.statuses[str(status)] = result.statuses.get(str(status), 0) + 1
            if status != 503:
                break
            await asyncio.sleep(0.1)
        result.sent += observations
        if status in (200, 202):
            result.accepted += observations
            result.latencies_ms.append((time.time() - intended) * 1000)
        else:
            result.refused += observations
    writer.close()


async def _response(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    at = lowered.index(b"content-length:") + 15
    await reader.readexactly(int(lowered[at : lowered.index(b"\r\n", at)]))
    return int(head[9:12])


async def run(host: str, port: int, fleet: Fleet, rate: float, seconds: float) -> Result:
    """Sends `rate` observations a second for `seconds`."""
    result, queue = Result(), asyncio.Queue[tuple[float, bytes, int] | None]()
    tasks = [asyncio.create_task(_connection(host, port, queue, result)) for _ in range(CONNECTIONS)]
    templates = fleet.templates()
    step = fleet.per_body / rate
    began = time.time() + 0.05
    for n in range(int(seconds / step)):
        intended = began + n * step
        pause = intended - time.time()
        if pause > 0:
            await asyncio.sleep(pause)
        else:
            result.behind_ms_max = max(result.behind_ms_max, -pause * 1000)
            if n % 8 == 0:
                await asyncio.sleep(0)
        cycle, k = divmod(n, fleet.bodies)
        queue.put_nowait((intended, stamped(templates[k][cycle % 2], int(intended * 1000)), fleet.per_body))
    for _ in tasks:
        queue.put_nowait(None)
    await asyncio.gather(*tasks)
    return result


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p90, p99 and max."""
    if not values:
        return {}
    ordered = sorted(values)
    return {
        name: round(ordered[min(len(ordered) - 1, int(len(ordered) * q))], 2)
        for name, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--devices", type=int, default=20_000)
    parser.add_argument("--per-body", type=int, default=500)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    fleet = Fleet(options.devices, options.per_body)
    began = time.time()
    result = uvloop.run(run(options.host, options.port, fleet, options.rate, options.seconds))
    took = time.time() - began
    out = {
        "sent": result.sent,
        "accepted": result.accepted,
        "refused": result.refused,
        "statuses": result.statuses,
        "seconds": round(took, 2),
        "rate": round(result.accepted / took),
        "ack_ms": percentiles(result.latencies_ms),
        "behind_ms_max": round(result.behind_ms_max, 1),
        "cpu_s": round(time.process_time(), 2),
    }
    print(json.dumps(out))


if __name__ == "__main__":
    main()
