"""`vigil simulate`: the device simulator in the foreground, with a progress bar."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from vigil import paths
from vigil.cli import environment
from vigil.cli.console import CliError

RECORDING_START = "2026-01-01T00:00:00Z"


def simulate(
    devices: Annotated[int, typer.Option(help="Simulated devices.", min=1, max=1_000_000)] = 50,
    interval: Annotated[float, typer.Option(help="Seconds between a device's observations.", min=0.001)] = 1.0,
    episode_rate: Annotated[float, typer.Option(help="Episodes per device and hour.", min=0)] = 2.0,
    episodes: Annotated[int, typer.Option(help="Exactly this many episodes instead of a rate.", min=0)] = 0,
    dip_rate: Annotated[float, typer.Option(help="Short desaturations per device and hour.", min=0)] = 0.0,
    duration: Annotated[float, typer.Option(help="Seconds; 0 = until Ctrl-C.", min=0)] = 0.0,
    hours: Annotated[float, typer.Option(help="Hours in place of seconds.", min=0)] = 0.0,
    record: Annotated[
        Path | None, typer.Option(help="Write a recording here (.jsonl or .jsonl.gz), send none.")
    ] = None,
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

    With --record nothing is sent: the run is written as a recording, faster than real time, with its ground truth
    beside it (ward.truth.jsonl beside ward.jsonl). Without --start it begins on 2026-01-01, so that the same options
    give the same bytes.

    [bold]Examples[/bold]

      vigil simulate --devices 1000 --duration 60
      vigil simulate --devices 8 --episodes 8 --duration 120 --truth truth.jsonl
      vigil simulate --devices 200000 --interval 2 --transport grpc --episode-rate 0
      vigil simulate --record ward.jsonl --devices 20 --hours 24 --episode-rate 0.2 --dip-rate 2
    """
    duration = hours * 3600 or duration
    if record is not None:
        start = _recordable(record, duration, truth, transport, start)
    given = {
        "SIMULATOR_DEVICES": devices,
        "SIMULATOR_INTERVAL_S": interval,
        "SIMULATOR_EPISODE_RATE": episode_rate,
        "SIMULATOR_EPISODES": episodes,
        "SIMULATOR_DIP_RATE": dip_rate,
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
    command += ["--record", str(record.absolute())] if record else []
    with subprocess.Popen(command, env=env, cwd=paths.ROOT) as process:  # noqa: S603
        while True:
            try:
                raise typer.Exit(process.wait())
            except KeyboardInterrupt:
                continue  # Ctrl-C reaches the simulator too, which ends in order


def _recordable(record: Path, duration: float, truth: Path | None, transport: str, start: str) -> str:
    """Checks what a recording needs; returns when it begins."""
    if not record.name.endswith((".jsonl", ".jsonl.gz")):
        raise CliError(f"--record {record}: its name must end in .jsonl or .jsonl.gz")
    if duration <= 0:
        raise CliError("--record needs --hours or --duration")
    if truth is not None:
        raise CliError("--record writes its own ground truth, beside the recording")
    if transport != "http":
        raise CliError("a recording holds JSON: --transport http")
    return start or RECORDING_START
