"""The servers the services need: external ones where the environment names them, else embedded ones."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from vigil.embedded.server import EmbeddedServer

S = TypeVar("S", bound=EmbeddedServer)
Say = Callable[[str], None]
_POSTGRES = ("POSTGRES_DSN", "POSTGRES_HOST")
_REDIS = ("REDIS_URL", "REDIS_HOST")


class Servers:
    """Starts what is missing under `directory`; `environment` is then how the services reach everything."""

    def __init__(self, directory: Path, environment: Mapping[str, str], *, kafka: bool, say: Say) -> None:
        self._directory, self._given, self._kafka, self._say = directory, environment, kafka, say
        self._running: list[EmbeddedServer] = []
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        """Starts the embedded servers; raises an `EmbeddedError` when one does not answer."""
        if not any(self._given.get(name) for name in _POSTGRES):
            from vigil.embedded.postgres import EmbeddedPostgres

            postgres = self._run(EmbeddedPostgres(self._directory / "postgres"))
            self.environment["POSTGRES_DSN"] = postgres.dsn
        if not any(self._given.get(name) for name in _REDIS):
            from vigil.embedded.redis import EmbeddedRedis

            redis = self._run(EmbeddedRedis(self._directory / "redis"))
            self.environment["REDIS_URL"] = redis.url
        if self._kafka and not self._given.get("KAFKA_BROKERS"):
            from vigil.embedded.kafka import EmbeddedKafka, kafka_directory

            kafka = self._run(EmbeddedKafka(kafka_directory(), progress=self._say))
            self.environment["KAFKA_BROKERS"] = kafka.brokers

    def stop(self) -> None:
        """Stops them in reverse order; each is tried even when another fails."""
        for server in reversed(self._running):
            self._say(f"stopping {server.title}")
            try:
                server.stop()
            except Exception as error:
                self._say(f"{server.title} did not stop cleanly: {error}")
        self._running.clear()

    def _run(self, server: S) -> S:
        server.start()
        self._running.append(server)
        self._say(f"{server.title} answers on 127.0.0.1:{server.port} ({server.directory})")
        return server


def leftovers(directory: Path) -> list[EmbeddedServer]:
    """Embedded servers that have data below `directory`, not started."""
    from vigil.embedded.postgres import EmbeddedPostgres
    from vigil.embedded.redis import EmbeddedRedis

    kinds: dict[str, Callable[[Path], EmbeddedServer]] = {"postgres": EmbeddedPostgres, "redis": EmbeddedRedis}
    return [kind(directory / name) for name, kind in kinds.items() if (directory / name / "state.json").exists()]
