"""`vigil dead-letter list|replay`: what could not be processed, and sending it on its way again."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from vigil import topology
from vigil.cli import environment
from vigil.cli.console import CliError, out

if TYPE_CHECKING:
    import redis

    from vigil.bus.port import Bus
    from vigil.pb import events_pb2
    from vigil.settings import Settings

app = typer.Typer(help="List and replay dead letters.", rich_markup_mode="rich", no_args_is_help=True)

Stage = Annotated[str, typer.Option(help="Only letters of this stage.")]
Code = Annotated[str, typer.Option(help="Only letters with this error code.")]


@app.command("list")
def list_(
    stage: Stage = "",
    code: Code = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines instead of a table.")] = False,
) -> None:
    """Show the dead letters the log holds: where from, why, and whether they were replayed.

    The id is PARTITION:OFFSET in the dead-letter topic.

    [bold]Examples[/bold]

      vigil dead-letter list
      vigil dead-letter list --code malformed_protobuf --json
    """
    with _Letters() as letters:
        rows = [letters.shown(key, letter) for key, letter in letters.find(stage, code)]
    if as_json:
        for row in rows:
            out.print(json.dumps(row), soft_wrap=True, highlight=False, markup=False)
        return
    if not rows:
        out.print("no dead letters")
        return
    table = Table(title=f"{len(rows)} dead letters", title_justify="left")
    for column in rows[0]:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*("–" if value is None else str(value) for value in row.values()))
    out.print(table)


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="PARTITION:OFFSET of letters; none with --all.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every letter that was not replayed yet.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also letters that were replayed before.")] = False,
    stage: Stage = "",
    code: Code = "",
) -> None:
    """Write letters' original bytes to the topic and partition they came from.

    Identity makes this safe: what had been processed after all is recognised as a repetition. Each replay is
    recorded, so a letter goes out once unless --again is given.

    [bold]Examples[/bold]

      vigil dead-letter replay 2:17
      vigil dead-letter replay --all --code internal
    """
    if bool(ids) == every:
        raise CliError("name letters as PARTITION:OFFSET, or give --all")
    wanted = set(ids or [])
    with _Letters() as letters:
        chosen = [(key, letter) for key, letter in letters.find(stage, code) if every or key in wanted]
        if missing := wanted - {key for key, _ in chosen}:
            raise CliError(f"no such letters: {', '.join(sorted(missing))}")
        sent, skipped = letters.replay(chosen, again=again)
    out.print(f"{sent} replayed, {skipped} skipped (replayed before, or without original)")


class _Letters:
    """The dead-letter topic and the record of replays."""

    def __init__(self) -> None:
        from vigil import bus

        self._settings: Settings = environment.settings()
        self._log: Bus = bus.connect(self._settings)
        self._key = f"{self._settings.bus_prefix}dead-letter.replayed"
        self._replayed: dict[str, str] = {}

    def __enter__(self) -> "_Letters":
        import redis

        from vigil.bus.port import BusUnavailable

        try:
            with self._redis() as client:
                held: Any = client.hgetall(self._key)
        except redis.RedisError as error:
            raise BusUnavailable(f"Redis: {error}") from error
        self._replayed = {key.decode(): at.decode() for key, at in held.items()}
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    def _redis(self) -> "redis.Redis":
        import redis

        return redis.Redis.from_url(self._settings.redis())

    def find(self, stage: str, code: str) -> Iterator[tuple[str, "events_pb2.DeadLetter"]]:
        """Letters with their ids, partition by partition."""
        from vigil.pb import events_pb2

        for held in self._log.ranges(topology.DEAD_LETTER):
            for record in self._log.read(held.position, held.low, held.high):
                letter = events_pb2.DeadLetter.FromString(record.value)
                if stage in ("", letter.stage) and code in ("", letter.error_code):
                    yield f"{record.partition}:{record.offset}", letter

    def shown(self, key: str, letter: "events_pb2.DeadLetter") -> dict[str, Any]:
        """A letter without its payload."""
        return {
            "id": key,
            "time": datetime.fromtimestamp(letter.time_us / 1e6, UTC).isoformat(timespec="milliseconds"),
            "stage": letter.stage,
            "error_code": letter.error_code,
            "field": letter.field or None,
            "observations": letter.observations,
            "from": f"{letter.topic}/{letter.partition}@{letter.offset}",
            "bytes": len(letter.original),
            "replayed": self._replayed.get(key),
        }

    def replay(self, chosen: list[tuple[str, "events_pb2.DeadLetter"]], *, again: bool) -> tuple[int, int]:
        """Writes the originals; recorded only once the log has them."""
        todo = [
            (key, letter)
            for key, letter in chosen
            if letter.original and letter.topic and (again or key not in self._replayed)
        ]
        producer = self._log.producer()
        try:
            for _, letter in todo:
                producer.send(letter.topic, letter.partition, letter.original)
            producer.flush(self._settings.bus_timeout_s)
        finally:
            producer.close()
        if todo:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            with self._redis() as client:
                client.hset(self._key, mapping={key: now for key, _ in todo})
        return len(todo), len(chosen) - len(todo)
