"""`vigil down`: stops what `vigil up` started, also after it was killed."""

import os
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from vigil.cli import environment
from vigil.cli.console import CliError, say

TIMEOUT_S = 120.0


def down(dir: Annotated[Path | None, typer.Option(help="The directory that `vigil up` used.")] = None) -> None:
    """Stop a running [bold]vigil up[/bold], and embedded servers that a killed one left behind."""
    from vigil.supervisor.servers import leftovers
    from vigil.supervisor.state import StateFile

    directory = environment.directory(dir)
    state = StateFile(directory)
    owner = state.owner()
    if owner is not None:
        say(f"asking process {owner} to stop")
        os.kill(owner, signal.SIGTERM)
        deadline = time.monotonic() + TIMEOUT_S
        while state.owner() is not None:
            if time.monotonic() > deadline:
                raise CliError(f"process {owner} did not stop in {TIMEOUT_S:.0f} s")
            time.sleep(0.1)
    for server in leftovers(directory):
        if server.stop_leftover():
            say(f"stopped the {server.title} that was left running")
    say("nothing runs here")
