"""What a row costs in the anomaly service: CPU of server and client apart, beside the model alone in one process.

A client calls with batches of 1,024 feature rows: by ScoreBatch one after the other and with several in flight, and on
a ScoreStream. CPU time, the best of several rounds (other work only slows); feature drift is watched meanwhile, as it
is live.
"""

import os
import queue
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import httpx
import numpy as np
import psutil

from vigil import core, paths
from vigil.embedded.server import free_port
from vigil.model import Model, load
from vigil.pb import anomaly_pb2 as pb
from vigil.pb import anomaly_pb2_grpc

ROWS = 1024
CALLS, ROUNDS = 300, 9
IN_FLIGHT = 8
Say = Callable[[str], None]
Go = Callable[[], None]


def measure(say: Say, calls: int = CALLS, rounds: int = ROUNDS) -> dict[str, Any]:
    """The figures of the report's section; `in the service` is the server's process, gRPC and model included."""
    model = load()
    features = rows(model)
    request = pb.ScoreBatchRequest(
        version="1", rows=ROWS, columns=len(model.manifest.features), features=features, schema=core.feature_schema()
    )
    alone = _best(lambda: model.score(features, ROWS), calls, rounds, lambda: 0.0)[0]
    with _service() as (target, server), grpc.insecure_channel(target) as channel:
        stub = anomaly_pb2_grpc.AnomalyDetectionStub(channel)
        under_way: deque[Any] = deque()
        waiting: queue.SimpleQueue[pb.ScoreBatchRequest | None] = queue.SimpleQueue()
        answers = stub.ScoreStream(iter(waiting.get, None))

        def call() -> pb.ScoreBatchResponse:
            return stub.ScoreBatch(request, timeout=10)

        def overlapping() -> pb.ScoreBatchResponse:
            while len(under_way) < IN_FLIGHT:
                under_way.append(stub.ScoreBatch.future(request, timeout=10))
            return under_way.popleft().result()

        def stream() -> pb.ScoreBatchResponse:
            waiting.put(request)
            return next(answers)

        def cost(ask: Callable[[], pb.ScoreBatchResponse]) -> tuple[float, float]:
            def answered() -> None:
                assert ask().status == pb.SUCCESS

            return _best(answered, calls, rounds, lambda: _cpu_s(server))

        ways = {"ScoreBatch": call, f"ScoreBatch, {IN_FLIGHT} in flight": overlapping, "ScoreStream": stream}
        costs = {way: cost(ask) for way, ask in ways.items()}
        waiting.put(None)
    found: dict[str, Any] = {
        "rows a call": ROWS,
        "columns": len(model.manifest.features),
        "the model alone, µs a row": round(alone, 3),
    }
    for way, (mine, theirs) in costs.items():
        found[f"in the service by {way}, µs a row"] = round(theirs, 3)
        found[f"of it gRPC, protobuf and threads by {way}, µs a row"] = round(theirs - alone, 3)
        found[f"in the client by {way}, µs a row"] = round(mine, 3)
        found[f"service by {way} ÷ model alone"] = round(theirs / alone, 2)
    say("µs a row in the service: " + ", ".join(f"{theirs:.2f} by {way}" for way, (_, theirs) in costs.items()))
    say(f"µs a row of the model alone: {alone:.2f}")
    return found


def rows(model: Model) -> bytes:
    """Feature rows within the training distribution, a tenth of the values missing."""
    random = np.random.default_rng(1)
    columns = []
    for name in model.manifest.features:
        trained = model.manifest.drift.get(name)
        edges = trained.edges if trained else [20.0, 120.0]
        columns.append(random.choice(edges, ROWS) if name != "male" else random.integers(0, 2, ROWS))
    made = np.column_stack(columns).astype("<f4")
    made[random.random(made.shape) < 0.1] = np.nan
    return made.tobytes()


def _best(go: Go, calls: int, rounds: int, server_s: Callable[[], float]) -> tuple[float, float]:
    """(client, server) µs of CPU a row of the round in which their sum was least."""
    for _ in range(max(20, calls // 4)):
        go()
    found = []
    for _ in range(rounds):
        mine, theirs = time.process_time(), server_s()
        for _ in range(calls):
            go()
        found.append(((time.process_time() - mine), (server_s() - theirs)))
    client, server = min(found, key=sum)
    return client * 1e6 / calls / ROWS, server * 1e6 / calls / ROWS


def _cpu_s(process: psutil.Process) -> float:
    """CPU seconds that the process has used."""
    if sys.platform == "linux":
        # Its clock as clock_getcpuclockid(3) names it, to the nanosecond. /proc counts in hundredths of a second,
        # and a round takes fifteen of them.
        return time.clock_gettime(~process.pid << 3 | 2)
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _service() -> Iterator[tuple[str, psutil.Process]]:
    """The anomaly service as a process of its own, ready."""
    http, port = free_port(), free_port()
    env = os.environ | {
        "ANOMALY_SERVICE_HTTP_PORT": str(http),
        "ANOMALY_SERVICE_GRPC_PORT": str(port),
        "PYTHONPATH": f"{paths.ROOT / 'python'}{os.pathsep}{paths.ROOT}",
        "LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen([sys.executable, "-m", "services.anomaly_service"], env=env)
    try:
        deadline = time.monotonic() + 30
        while not _ready(http):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the anomaly service did not become ready")
            time.sleep(0.05)
        yield f"127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(15)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    for name, value in measure(print).items():
        print(f"{name}: {value}")
