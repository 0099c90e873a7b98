"""`vigil simulate`: the device simulator in the foreground, with a progress bar."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from vigil import paths
from vigil.cli import environment


def simulate(
    devices: Annotated[int, typer.Option(help="Simulated devices.", min=1, max=1_000_000)] = 50,
    interval: Annotated[float, typer.Option(help="Seconds between a device's observations.", min=0.001)] = 1.0,
    episode_rate: Annotated[float, typer.Option(help="Episodes per device and hour.", min=0)] = 2.0,
    episodes: Annotated[int, typer.Option(help="Exactly this many episodes instead of a rate.", min=0)] = 0,
    duration: Annotated[float, typer.Option(help="Seconds; 0 = until Ctrl-C.", min=0)] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same observations.", min=0)] = 1,
    start: Annotated[str, typer.Option(help="Event time of the first observations, ISO 8601; empty = now.")] = "",
    transport: Annotated[str, typer.Option(help="http or grpc.")] = "http",
    truth: Annotated[Path | None, typer.Option(help="Write the injected episodes to this file.")] = None,
    prefix: Annotated[str, typer.Option(help="Prefix of ids; apart from those of `vigil up`.")] = "simulate-",
    per_body: Annotated[int, typer.Option(help="Most observations of one request.", min=1, max=10_000)] = 500,
    connections: Annotated[int, typer.Option(help="Connections to the gateway.", min=1, max=256)] = 8,
) -> None:
    """Send simulated vital signs, with injected episodes, to the gateway.

    The devices and their patients are registered and linked first. Sending is open-loop: every observation has
    its intended moment, and a body that the gateway cannot take (503) is sent again, never dropped.

    [bold]Examples[/bold]

      vigil simulate --devices 1000 --duration 60
      vigil simulate --devices 8 --episodes 8 --duration 120 --truth truth.jsonl
      vigil simulate --devices 200000 --interval 2 --transport grpc --episode-rate 0
    """
    given = {
        "SIMULATOR_DEVICES": devices,
        "SIMULATOR_INTERVAL_S": interval,
        "SIMULATOR_EPISODE_RATE": episode_rate,
        "SIMULATOR_EPISODES": episodes,
        "SIMULATOR_DURATION_S": duration,
        "SIMULATOR_SEED": seed,
        "SIMULATOR_START": start,
        "SIMULATOR_TRANSPORT": transport,
        "SIMULATOR_TRUTH_FILE": truth.absolute() if truth else "",
        "SIMULATOR_PREFIX": prefix,
        "SIMULATOR_PER_BODY": per_body,
        "SIMULATOR_CONNECTIONS": connections,
    }
    env = {"LOG_LEVEL": "WARNING", **environment.child_environment(), **{k: str(v) for k, v in given.items()}}
    command = [sys.executable, "-m", "services.device_simulator", "--progress"]
    with subprocess.Popen(command, env=env, cwd=paths.ROOT) as process:  # noqa: S603
        while True:
            try:
                raise typer.Exit(process.wait())
            except KeyboardInterrupt:
                continue  # Ctrl-C reaches the simulator too, which ends in order
