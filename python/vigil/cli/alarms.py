"""`vigil alarms ack|pause|off|resume`: what people do to alarms, through the rules engine's REST edge."""

import json
import uuid
from datetime import datetime
from typing import Annotated, Any

import typer

from vigil.cli import environment
from vigil.cli.console import CliError, err, out, wrong

app = typer.Typer(help="Acknowledge, pause, turn off or resume alarms.", rich_markup_mode="rich", no_args_is_help=True)
Patient = Annotated[str, typer.Option("--patient", help="Whom it concerns.")]
Device = Annotated[str, typer.Option("--device", help="… or the device that no patient is linked to.")]
Rule = Annotated[str, typer.Option("--rule", help="This rule only; otherwise all of the patient's alarms.")]
Actor = Annotated[str, typer.Option("--actor", help="Who does it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]
AsJson = Annotated[bool, typer.Option("--json", help="The answer as JSON.")]


@app.command()
def ack(
    actor: Actor,
    reason: Reason,
    patient: Patient = "",
    device: Device = "",
    episode: Annotated[str, typer.Option("--episode", help="This alarm only (its episode id).")] = "",
    as_json: AsJson = False,
) -> None:
    """Stop the signal of alarms whose condition is there; one that is latched ends.

    They sound again when they get worse, or after the time that their rule sets.

    [bold]Examples[/bold]

      vigil alarms ack --patient p-7 --actor nurse.kim --reason "at the bedside"
      vigil alarms ack --patient p-7 --episode 0198c1de-… --actor nurse.kim --reason "known"
    """
    _give("acknowledge", as_json, patient, device, actor, reason, episodeId=episode)


@app.command()
def pause(
    actor: Actor,
    reason: Reason,
    minutes: Annotated[float, typer.Option("--minutes", help="How long.", min=0.01)],
    patient: Patient = "",
    device: Device = "",
    rule: Rule = "",
    as_json: AsJson = False,
) -> None:
    """Give no alarm signals for some minutes.

    Whatever is suppressed is recorded, and sounds afterwards if it is still there. Life-threatening alarms and
    technical alarms sound all the same, unless their rule is named.

    [bold]Examples[/bold]

      vigil alarms pause --patient p-7 --minutes 10 --actor nurse.kim --reason "washing the patient"
      vigil alarms pause --patient p-7 --rule spo2-low --minutes 5 --actor nurse.kim --reason "new probe"
    """
    _give("pause", as_json, patient, device, actor, reason, ruleId=rule, forS=round(minutes * 60, 3))


@app.command()
def off(
    actor: Actor, reason: Reason, patient: Patient = "", device: Device = "", rule: Rule = "", as_json: AsJson = False
) -> None:
    """Give no alarm signals until `vigil alarms resume`.

    [bold]Examples[/bold]

      vigil alarms off --patient p-7 --rule respiratory-rate-low --actor dr.lee --reason "palliative care"
    """
    _give("off", as_json, patient, device, actor, reason, ruleId=rule)


@app.command()
def resume(
    actor: Actor, reason: Reason, patient: Patient = "", device: Device = "", rule: Rule = "", as_json: AsJson = False
) -> None:
    """End a pause, or turn alarms on again.

    [bold]Examples[/bold]

      vigil alarms resume --patient p-7 --actor nurse.kim --reason "back in bed"
    """
    _give("resume", as_json, patient, device, actor, reason, ruleId=rule)


def _give(action: str, as_json: bool, patient: str, device: str, actor: str, reason: str, **more: Any) -> None:
    """Posts the control and prints what was taken."""
    if bool(patient) == bool(device):
        raise CliError("say whom it concerns: --patient, or --device of a device without a patient")
    body = {"action": action, "patientId": patient, "deviceId": device, "actor": actor, "reason": reason, **more}
    taken = _post({name: value for name, value in body.items() if value != ""})
    if as_json:
        out.print_json(json.dumps(taken))
        return
    whom = f"patient {patient}" if patient else f"device {device}"
    which = next((f", {name} {taken[key]}" for key, name in _NAMES.items() if taken[key]), ", all alarms")
    until = f" until {datetime.fromisoformat(taken['until']).astimezone():%H:%M:%S}" if taken["until"] else ""
    out.print(f"{action} is in the log: {whom}{which}{until}", highlight=False, markup=False)
    err.print(f"[dim]control {taken['controlId']}; what comes of it: vigil tail alerts[/]", highlight=False)


_NAMES = {"ruleId": "rule", "episodeId": "episode"}
_OPTIONS = {
    "patientId": "--patient",
    "deviceId": "--device",
    "ruleId": "--rule",
    "episodeId": "--episode",
    "forS": "--minutes",
    "actor": "--actor",
    "reason": "--reason",
}


def _post(body: dict[str, Any]) -> dict[str, Any]:
    """The rules engine's answer; raises `CliError` with what is wrong, in terms of the command's options."""
    import httpx

    url = environment.settings().http_url("rules-engine")
    try:
        answer = httpx.post(
            f"{url}/api/v1/controls", json=body, headers={"idempotency-key": uuid.uuid4().hex}, timeout=30
        )
        said: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise CliError(f"the rules engine at {url} does not answer: is it running? (vigil status)") from error
    if answer.status_code == 202:
        return said
    raise CliError(f"refused ({answer.status_code}): {wrong(said, _OPTIONS)}")
