"""Apache Kafka for one box: a single broker in KRaft mode on loopback, from its Maven jars (Java 17).

    python -m vigil.embedded.kafka fetch      brings the jars (deploy/kafka/pom.xml) into .vigil/kafka
    python -m vigil.embedded.kafka run        runs a broker until Ctrl-C and prints KAFKA_BROKERS

The jars lie in `.vigil/kafka/libs-<version>`, or below the folder that VIGIL_KAFKA_DIR names.
"""

import fcntl
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from vigil.embedded.server import EmbeddedError, EmbeddedServer, ProgramMissing, StartFailed
from vigil.settings import Settings

_ROOT = Path(__file__).resolve().parents[3]
_DEPLOY = _ROOT / "deploy" / "kafka"
_JAVA_MIN = 17
_SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_LONG_LIVED = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")

Progress = Callable[[str], None]


def kafka_directory() -> Path:
    """Where jars and, by default, a broker's data live."""
    return Path(Settings.load().vigil_kafka_dir or _ROOT / ".vigil" / "kafka").absolute()


def version() -> str:
    """The Kafka version that `deploy/kafka/pom.xml` names."""
    found = re.search(r"<kafka\.version>([^<]+)<", (_DEPLOY / "pom.xml").read_text())
    if not found:
        raise ProgramMissing(f"{_DEPLOY / 'pom.xml'} names no kafka.version")
    return found.group(1)


def java() -> str:
    """The path of a Java that is new enough; raises `ProgramMissing` saying what to install."""
    program = shutil.which("java")
    hint = "install the Debian package openjdk-17-jre-headless"
    if program is None:
        raise ProgramMissing(f"Kafka needs Java {_JAVA_MIN}, but no java is on the PATH: {hint}")
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    found = re.search(r'version "(\d+)', said)
    if not found or int(found.group(1)) < _JAVA_MIN:
        raise ProgramMissing(f"Kafka needs Java {_JAVA_MIN}, but {program} is {found and found.group(1)}: {hint}")
    return program


def fetch(progress: Progress | None = None) -> Path:
    """The folder with the jars; brings them by Maven when they are missing (once, whoever asks)."""
    libs = kafka_directory() / f"libs-{version()}"
    if libs.is_dir():
        return libs
    libs.parent.mkdir(parents=True, exist_ok=True)
    with (libs.parent / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if libs.is_dir():
            return libs
        maven = shutil.which("mvn")
        if maven is None:
            raise ProgramMissing("Kafka's jars are fetched by Maven: install the Debian package maven")
        if progress:
            progress(f"Fetching Apache Kafka {version()} (about 55 MB of jars, once)…")
        fresh = Path(tempfile.mkdtemp(prefix="fetch-", dir=libs.parent))
        command = [maven, "-q", "-B", "-f", str(_DEPLOY / "pom.xml"), "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            shutil.rmtree(fresh)
            raise ProgramMissing(f"Maven could not bring Kafka's jars:\n{(done.stdout + done.stderr)[-2000:]}")
        fresh.chmod(0o755)
        fresh.rename(libs)
        if progress:
            progress(f"Apache Kafka {version()} is in {libs}")
    return libs


class EmbeddedKafka(EmbeddedServer):
    """A broker on a loopback port that keeps its data in `directory`. `short_lived` is for tests: it starts
    with half the work, and is somewhat slower when it is warm."""

    title = "Kafka"
    start_timeout_s = 60.0

    def __init__(
        self,
        directory: Path | str,
        port: int | None = None,
        *,
        heap_mb: int = 512,
        short_lived: bool = False,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(directory, port)
        self._heap_mb = heap_mb
        self._short_lived = short_lived
        self._progress = progress
        self._libs = Path()
        self._java = "java"

    @property
    def brokers(self) -> str:
        """The bootstrap servers, as KAFKA_BROKERS wants them."""
        return f"127.0.0.1:{self.port}"

    def _prepare(self) -> None:
        self._java, self._libs = java(), fetch(self._progress)
        data = self.directory / "data"
        template = (_DEPLOY / "server.properties").read_text()
        values = {"port": self.port, "controller_port": self._choose_port("controller", None), "data": data}
        for name, value in values.items():
            template = template.replace("{" + name + "}", str(value))
        self._properties.write_text(template)
        if not (data / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)
        command = [
            *self._jvm(64, _SHORT_LIVED),
            "kafka.tools.StorageTool",
            "format",
            "-t",
            cluster,
            "-c",
            str(self._properties),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise StartFailed(f"Kafka's storage could not be laid out:\n{(done.stdout + done.stderr)[-2000:]}")

    def _command(self) -> tuple[Sequence[str], Mapping[str, Any]]:
        tuning = _SHORT_LIVED if self._short_lived else _LONG_LIVED
        return [*self._jvm(self._heap_mb, tuning), "kafka.Kafka", str(self._properties)], {"cwd": self.directory}

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=0.2).close()
            client = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0, "socket.timeout.ms": 2000})
            metadata = client.list_topics(timeout=2)
        except (OSError, KafkaException):
            return False
        return bool(metadata.brokers) and metadata.cluster_id == self._cluster_id()

    def _jvm(self, heap_mb: int, tuning: Sequence[str]) -> list[str]:
        return [
            self._java,
            f"-Xmx{heap_mb}m",
            f"-Xms{min(heap_mb, 256)}m",
            "-XX:+ExitOnOutOfMemoryError",
            *tuning,
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={_DEPLOY / 'log4j2.xml'}",
            "-cp",
            f"{self._libs}/*",
        ]

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def _cluster_id(self) -> str:
        try:
            text = (self.directory / "data" / "meta.properties").read_text()
        except OSError:
            return ""
        return "".join(line.partition("=")[2].strip() for line in text.splitlines() if line.startswith("cluster.id="))


def main(arguments: Sequence[str]) -> int:
    """`fetch` or `run [DIRECTORY] [PORT]`."""
    command, *rest = arguments or ["run"]
    try:
        if command == "fetch":
            java()
            print(fetch(print))
            return 0
        if command == "run":
            directory = Path(rest[0]) if rest else kafka_directory() / "broker"
            port = int(rest[1]) if len(rest) > 1 else 9092
            # Blocked before the broker starts, so that no signal is missed; `sigwait` then takes it.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            with EmbeddedKafka(directory, port, progress=print) as kafka:
                print(
                    f"Kafka {version()} runs; use it with KAFKA_BROKERS={kafka.brokers} (Ctrl-C stops it)", flush=True
                )
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
            return 0
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 69
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
