"""`vigil explain`: why an alarm was raised, and why one was not."""

import json
import sys
import time
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vigil.cli import environment
from vigil.cli.console import CliError, say

if TYPE_CHECKING:
    from vigil.explain.past import Past
    from vigil.settings import Settings

_DRAWN_US = 600_000_000


def explain(
    alert: Annotated[str, typer.Argument(help="An alarm's episode id, or the id of one of its alerts.")] = "",
    patient: Annotated[str, typer.Option(help="Why did this patient not alarm?")] = "",
    device: Annotated[str, typer.Option(help="The same for a device that no patient is linked to.")] = "",
    at: Annotated[str, typer.Option(help="The moment (event time), ISO 8601 with an offset; default now.")] = "",
    rule: Annotated[str, typer.Option(help="Only this rule.")] = "",
    rules: Annotated[Path | None, typer.Option(help="Ask these rules instead of those in use.")] = None,
    source: Annotated[Path | None, typer.Option("--from", help="A replay's folder, instead of a system.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of words.")] = False,
    no_model: Annotated[bool, typer.Option("--no-model", help="Without the model's scores.")] = False,
) -> None:
    """Explain an alarm; or why there was none.

    By an alert's id: which rule and version, which values and limits over which time, what was held back, why it
    fired when it did, and every step since.

    By a patient and a moment: the patient's observations up to then are read from the log and taken through the
    rules, which then say how each of them stands: its value, its age, its limit, how long it has held, and what
    holds it back. The log keeps only so much; what it no longer has is said.

    [bold]Examples[/bold]

      vigil explain 0e7a53b1-c4d2-8fff-a1b2-c3d4e5f60718
      vigil explain --patient p-1 --at 2026-03-01T08:00:00Z
      vigil explain --patient p-1 --rule spo2_low --rules rules/new.toml
      vigil explain 0e7a53b1-c4d2-8fff-a1b2-c3d4e5f60718 --from /tmp/last-month
    """
    if sum(map(bool, (alert, patient, device))) != 1:
        raise CliError("name an alert's id, or --patient, or --device")
    if alert:
        if at or rules or rule:
            raise CliError("--at, --rule and --rules belong to --patient and --device")
        _explain_alert(alert, source, as_json)
    elif source:
        raise CliError("--from belongs to an alert's id")
    else:
        _explain_silence(patient, device, _moment(at), rules, rule, as_json, no_model)


def _print(lines: list[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def _explain_alert(text: str, source: Path | None, as_json: bool) -> None:
    from uuid import UUID

    from vigil.explain import episode_lines
    from vigil.explain.sources import from_file

    try:
        alert_id = UUID(text)
    except ValueError:
        raise CliError(f"'{text}' is not an alert's id") from None
    if source is not None:
        if not source.exists():
            raise CliError(f"{source} is not there")
        found, where = from_file(source, alert_id), str(source)
    else:
        found, where = _from_system(environment.settings(), alert_id), "the incident service or the log"
    if found is None:
        raise CliError(f"no alert {alert_id} in {where}")
    if as_json:
        _print([json.dumps(found, indent=2, ensure_ascii=False)])
    else:
        _print(episode_lines(found))


def _from_system(settings: "Settings", alert_id: Any) -> dict[str, Any] | None:
    from vigil import bus
    from vigil.explain.sources import ServiceAway, from_log, from_service

    try:
        found = from_service(settings.http_url("incident-service"), alert_id)
    except ServiceAway as away:
        say(f"the incident service does not answer ({away}): looking into the log")
        found = None
    if found is not None:
        return found
    log = bus.connect(settings)
    try:
        return from_log(log, alert_id)
    finally:
        log.close()


def _explain_silence(
    patient: str, device: str, at_us: int, rules: Path | None, rule: str, as_json: bool, no_model: bool
) -> None:
    from vigil import bus, paths
    from vigil.core import Engine, score_names
    from vigil.explain.past import Who, feed, read
    from vigil.explain.standing import standing_lines

    settings = environment.settings()
    file = rules or (Path(settings.rules_file) if settings.rules_file else paths.RULES)
    try:
        engine = Engine(file.read_text(encoding="utf-8"), settings.batch_observations_max, str(file))
    except OSError as error:
        raise CliError(f"{file}: {error.strerror}") from error
    who = Who(patient, device)
    log = bus.connect(settings)
    try:
        past = read(log, who, at_us, settings.bus_partitions)
    finally:
        log.close()
    model = None if no_model else _model(settings)
    feed(past, engine, model)
    scores = [past.scores.get(column, nan) for column in score_names()]
    answer = engine.explain(past.partition, patient, device, at_us, past.heard(), scores)
    if answer is None:
        raise CliError(_nothing_of(past))
    standing = json.loads(answer)
    notes = notes_of(past, standing["rule_set_version"], file, model is not None)
    if as_json:
        _print([json.dumps(standing | {"notes": notes}, indent=2, ensure_ascii=False)])
        return
    _print(standing_lines(standing, notes, rule or None))
    _print(_drawn(past, standing))


def notes_of(past: "Past", version: str, file: Path, scored: bool) -> list[str]:
    """What the answer rests on, and what it cannot know."""
    from vigil.explain.phrases import clock
    from vigil.scalars import time_text

    notes = [f"{past.observations} observations up to then, the last of {clock(time_text(past.last_us))}."]
    if past.trimmed:
        begins = clock(time_text(past.begins_us))
        notes.append(f"The log begins at {begins}: what had begun before is not known here.")
    if past.later:
        notes.append(f"{past.later} later observations are left out.")
    if past.live_version and past.live_version != version:
        notes.append(f"These are not the rules that were live: {file} is {version[:12]}, live was "
                     f"{past.live_version[:12]}.")  # fmt: skip
    elif not past.live_version:
        notes.append("Which rules were live then is not known: no scored observation is left.")
    if past.live_scores == {}:
        notes.append("The model had no score when the last observation was evaluated: its rules say so.")
    if not scored:
        notes.append("The model was not asked again: how long a rule about its scores has been met is not known.")
    return notes


def _nothing_of(past: "Past") -> str:
    from vigil.explain.phrases import clock
    from vigil.scalars import time_text

    who = f"patient {past.who.patient_id}" if past.who.patient_id else f"device {past.who.device_id}"
    held = f"since {clock(time_text(past.begins_us))}" if past.begins_us else "and the log is empty there"
    return f"the log holds no observation of {who} up to then ({held}); {past.later} later"


def _drawn(past: "Past", standing: dict[str, Any]) -> list[str]:
    """The last ten minutes of each sign that a rule looked at, as text."""
    from vigil.explain.phrases import sign_label
    from vigil.explain.sparkline import sparkline
    from vigil.pb import events_pb2 as pb

    names = {i["name"] for r in standing["rules"] for i in r["inputs"]}
    start_us = past.last_us - _DRAWN_US
    lines = []
    for name in (n for n in pb.Sign.keys() if n.removeprefix("SIGN_").lower() in names):  # noqa: SIM118
        values = past.values(pb.Sign.Value(name), start_us)
        if len(values) > 2:
            low, high = min(v for _, v in values), max(v for _, v in values)
            drawn = sparkline(values, start_us, past.last_us)
            lines.append(f"  {sign_label(name.removeprefix('SIGN_').lower()):26} {drawn}  {low:g} to {high:g}")
    return ["", "The last 10 minutes", *lines] if lines else []


def _model(settings: "Settings") -> Any:
    """The model as the anomaly service has it; None where it is switched off or cannot be loaded."""
    from vigil.model import ModelError, load

    if not settings.anomaly_enabled:
        return None
    try:
        return load(settings.model_file)
    except ModelError as error:
        say(f"the model cannot be loaded: {error}")
        return None


def _moment(text: str) -> int:
    if not text:
        return time.time_ns() // 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(f"'{text}' is not an ISO 8601 time") from None
    if moment.tzinfo is None:
        raise CliError(f"'{text}' has no offset (as in 2026-03-01T08:00:00Z)")
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
