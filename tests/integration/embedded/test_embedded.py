"""The embedded servers: one owner, data and address kept, survivors of a killed owner adopted."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis

from vigil.embedded.kafka import EmbeddedKafka, java
from vigil.embedded.postgres import EmbeddedPostgres
from vigil.embedded.redis import EmbeddedRedis
from vigil.embedded.server import (
    AlreadyRunning,
    EmbeddedServer,
    ProgramMissing,
    StartFailed,
    free_port,
    port_is_free,
)

KINDS = pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedRedis])


def test_a_free_port_is_none_that_an_outgoing_connection_may_take_first() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken, socket.socket() as connection:
        connection.connect(taken.getsockname())
        found = [free_port() for _ in range(20)]
        assert max(found) < connection.getsockname()[1]
        assert all(port_is_free(port) for port in found)
        assert not port_is_free(taken.getsockname()[1])


def address(server: EmbeddedServer) -> str:
    return server.dsn if isinstance(server, EmbeddedPostgres) else server.url  # type: ignore[attr-defined]


@KINDS
def test_a_second_owner_is_refused_and_the_address_is_kept(kind: type[EmbeddedServer], tmp_path: Path) -> None:
    with kind(tmp_path) as first:
        where = address(first)
        with pytest.raises(AlreadyRunning, match=str(os.getpid())):
            kind(tmp_path).start()
    first.stop()
    assert not first.is_running()
    with kind(tmp_path) as again:
        assert address(again) == where


@KINDS
def test_a_server_that_outlived_its_owner_is_adopted_and_stopped(kind: type[EmbeddedServer], tmp_path: Path) -> None:
    code = (
        f"import os, signal; from {kind.__module__} import {kind.__name__} as Kind\n"
        f"print(Kind({str(tmp_path)!r}).start().pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, check=False)
    assert ran.returncode == -signal.SIGKILL
    with kind(tmp_path) as adopted:
        assert adopted.pid == int(ran.stdout)
    assert not psutil.pid_exists(int(ran.stdout))


def test_postgres_keeps_data_over_a_kill_and_a_stale_process_id(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        server.sql("CREATE TABLE kept AS SELECT 42 AS answer", "vigil")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
    pid_file = tmp_path / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with EmbeddedPostgres(tmp_path) as server:
        assert server.sql("SELECT answer FROM kept", "vigil") == "42"


def test_redis_keeps_data_over_a_restart(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        client.set("kept", 42)
    with EmbeddedRedis(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"42"


def test_redis_has_started_when_its_data_is_loaded(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        client.eval("for i = 1, 200000 do redis.call('SET', i, i) end", 0)
    with EmbeddedRedis(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        assert client.get("200000") == b"200000"  # while it loads: BusyLoadingError


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "one") as server, pytest.raises(StartFailed, match=f"port {server.port} is taken"):
        EmbeddedRedis(tmp_path / "two", server.port).start()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path, free_port())
    (tmp_path / "data" / "appendonly.aof").mkdir(parents=True)
    with pytest.raises(StartFailed, match="Redis did not start"):
        server.start()
    server.stop()


def test_kafka_without_java_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match="openjdk-17-jre-headless"):
        java()
    with pytest.raises(ProgramMissing):
        EmbeddedKafka(tmp_path / "kafka").start()
