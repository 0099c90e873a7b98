"""Which system the commands speak to: what the environment names, else what `vigil up` started here."""

import os
from pathlib import Path

from vigil import paths
from vigil.settings import Settings
from vigil.supervisor.state import StateFile

_NAMED = ("KAFKA_BROKERS", "REDIS_URL", "REDIS_HOST")


def directory(given: Path | None = None) -> Path:
    """The `.vigil` directory: the option, VIGIL_DIR, or the one in the project."""
    return (given or Path(os.environ.get("VIGIL_DIR") or paths.STATE)).absolute()


def environment() -> dict[str, str]:
    """The environment, completed from the state of a running `vigil up` where it names no log itself."""
    mine = dict(os.environ)
    if any(mine.get(name) for name in _NAMED):
        return mine
    state = StateFile(directory()).read()
    return {**state["environment"], **mine} if state else mine


def settings() -> Settings:
    """The settings of the system to speak to."""
    return Settings.load(environment())


def child_environment() -> dict[str, str]:
    """`environment` for a process of the project."""
    path = f"{paths.ROOT / 'python'}{os.pathsep}{paths.ROOT}"
    return {**environment(), "PYTHONPATH": path}
