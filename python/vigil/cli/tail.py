"""`vigil tail TOPIC`: events as JSON lines."""

import sys
from typing import Annotated

import typer

from vigil import topology
from vigil.cli import environment
from vigil.cli.console import CliError

_SHORT = {topic.name.split(".")[-1]: topic.name for topic in topology.TOPICS} | {"alerts": topology.ALERTS}


def tail(
    topic: Annotated[str, typer.Argument(help="Topic, or its last word: raw, normalized, scored, alerts …")],
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Everything the log holds, first.")] = False,
    number: Annotated[int, typer.Option("-n", "--number", help="Stop after this many events; 0 = never.", min=0)] = 0,
    for_s: Annotated[float, typer.Option("--for", help="Stop after this many seconds; 0 = never.", min=0)] = 0,
) -> None:
    """Print a topic's events as JSON lines, as they come.

    [bold]Examples[/bold]

      vigil tail alerts
      vigil tail telemetry.scored --from-beginning -n 10
      vigil tail alerts | jq -r 'select(.priority == "high") | .message'
    """
    import time

    import msgspec

    from vigil import bus
    from vigil.events import to_json

    name = topic if topic in _SHORT.values() else _SHORT.get(topic)
    if name is None:
        raise CliError(f"'{topic}' is no topic; there are {', '.join(t.name for t in topology.TOPICS)}")
    log = bus.connect(environment.settings())
    deadline = time.monotonic() + for_s if for_s else float("inf")
    try:
        consumer = log.consumer([name], None, from_beginning=from_beginning)
        shown = 0
        try:
            while time.monotonic() < deadline:
                for record in consumer.poll(256, 0.2):
                    for event in to_json(name, record.value):
                        sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
                        shown += 1
                        if number and shown >= number:
                            return
                sys.stdout.buffer.flush()
        finally:
            consumer.close()
    except BrokenPipeError:
        sys.stderr.close()
    finally:
        log.close()
