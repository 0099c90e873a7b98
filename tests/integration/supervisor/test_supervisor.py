"""The supervisor with real services and servers: restart after a crash, an orderly stop, no orphans."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import unique
from tests.support.platform import ROOT, eventually, free_ports
from vigil import topology
from vigil.supervisor.process import State
from vigil.supervisor.state import AlreadyUp, StateFile
from vigil.supervisor.supervisor import CannotStart, Supervisor

ONLY = ("registry", "telemetry-normalizer")


@pytest.fixture
def environment(redis_url: str, postgres_dsn: str) -> dict[str, str]:
    wanted = [(s, kind) for s in topology.SERVICES for kind in ("HTTP", "GRPC")]
    ports = free_ports(len(wanted))
    named = {f"{s.package.upper()}_{kind}_PORT": str(p) for (s, kind), p in zip(wanted, ports, strict=True)}
    servers = {"REDIS_URL": redis_url, "POSTGRES_DSN": postgres_dsn, "BUS_PREFIX": unique("sup") + "."}
    return {"PATH": os.environ["PATH"], **named, **servers}


@pytest.fixture
def supervisor(tmp_path: Path, environment: dict[str, str]) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path / ".vigil", environment, only=ONLY)
    running.start()
    yield running
    running.stop()


def stepped(supervisor: Supervisor, condition: Callable[[], bool]) -> Callable[[], bool]:
    def probe() -> bool:
        supervisor.step()
        return condition()

    return probe


def test_a_killed_service_is_started_again_and_all_stop_in_order(supervisor: Supervisor) -> None:
    eventually("ready", stepped(supervisor, supervisor.is_ready), 60)
    normalizer = supervisor.processes["telemetry-normalizer"]
    first = normalizer.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually("noticed", stepped(supervisor, lambda: normalizer.state is State.BACKOFF), 10)
    assert "SIGKILL" in normalizer.problem
    eventually("ready again", stepped(supervisor, supervisor.is_ready), 60)
    assert normalizer.pid != first
    assert normalizer.restarts == 1
    state = StateFile(supervisor.directory).read()
    assert state is not None
    assert state["services"]["telemetry-normalizer"]["restarts"] == 1
    assert oct((supervisor.directory / "state.json").stat().st_mode)[-3:] == "600"

    pids = [process.pid for process in supervisor.processes.values()]
    codes = supervisor.stop()
    assert list(codes) == ["telemetry-normalizer", "registry"]
    assert set(codes.values()) == {0}
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert StateFile(supervisor.directory).read() is None


def test_a_second_one_is_refused(supervisor: Supervisor, environment: dict[str, str]) -> None:
    with pytest.raises(AlreadyUp, match=str(os.getpid())):
        Supervisor(supervisor.directory, environment, only=ONLY).start()
    assert StateFile(supervisor.directory).owner() == os.getpid()


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path, environment: dict[str, str]) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", int(environment["REGISTRY_HTTP_PORT"])))
        squatter.listen()
        with pytest.raises(CannotStart, match="REGISTRY_HTTP_PORT"):
            Supervisor(tmp_path / ".vigil", environment, only=ONLY).start()
    assert StateFile(tmp_path / ".vigil").owner() is None


def test_no_service_survives_a_killed_supervisor(tmp_path: Path, environment: dict[str, str]) -> None:
    script = (
        "import os, sys, time; from pathlib import Path; from vigil.supervisor.supervisor import Supervisor\n"
        f"s = Supervisor(Path(sys.argv[1]), dict(os.environ), only={ONLY!r}); s.start()\n"
        "while True: s.step(); time.sleep(0.05)"
    )
    env = {**environment, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"}
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=env)
    try:
        file = tmp_path / "state.json"
        eventually("started", lambda: file.exists() and all(pids(file)), 60)
        children = pids(file)
        assert all(psutil.pid_exists(pid) for pid in children if pid)
    finally:
        parent.kill()
        parent.wait()
    eventually("gone", lambda: not any(psutil.pid_exists(pid) for pid in children if pid), 10)


def pids(file: Path) -> list[int | None]:
    return [service["pid"] for service in json.loads(file.read_text())["services"].values()]
