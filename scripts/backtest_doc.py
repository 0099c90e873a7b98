"""Measures what docs/backtest.md says under "Measured": runs `vigil backtest` and writes its figures there.

python scripts/backtest_doc.py     some minutes; needs the recordings (VIGIL_DATA)
"""

import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "backtest.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
PUBLISHED = 0.60
"""Share of the alarms of SpO2 < 90 % that a delay of 15 s removes."""


class Session:
    """Commands in a folder of their own; each with its seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def vigil(self, line: str) -> float:
        """Runs a `vigil` command as the page shows it."""
        words = [str(self.folder / w) if w.startswith("ward") else w for w in shlex.split(line)]
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "vigil.cli", *words], cwd=ROOT, check=True, capture_output=True)  # noqa: S603
        return time.monotonic() - began

    def backtest(self, line: str) -> tuple[dict[str, Any], float]:
        """The document of a backtest, and how long the command took."""
        out = f" --out {self.folder / 'out'} --cache {self.folder / 'cache'}"
        took = self.vigil("backtest " + line + out)
        made: dict[str, Any] = json.loads((self.folder / "out" / "backtest.json").read_text())
        return made, took


def percent(share: float) -> str:
    """As the page writes it."""
    return f"{100 * share:.1f} %"


def hourly(session: Session) -> Iterator[str]:
    """The default rules on the hourly recordings."""
    line = "sepsis_hourly"
    made, cold = session.backtest(line)
    _, warm = session.backtest(line)
    one = made["rule_sets"]["rules"]
    burden = one["burden"]
    yield "### The default rules on the hourly recordings"
    yield ""
    yield f"`vigil backtest {line}`: {made['patients']:,} patients with vital signs,"
    yield f"{made['observations']:,} observations, {made['bed_days']:,.0f} bed-days, {made['processes']} processes;"
    yield f"{cold:.0f} s the first time, {warm:.0f} s from the cache."
    yield "One observation an hour is a spot check, so delays do not apply and no alarm is short."
    yield ""
    yield "| alarm burden | |"
    yield "|---|---|"
    yield f"| alarms per bed-day | {burden['per_bed_day']:.2f} |"
    for name in ("high", "medium", "low"):
        yield f"| of {name} priority | {burden['by_priority'][name]['per_bed_day']:.2f} |"
    for rule in list(burden["by_rule"])[:5]:
        yield f"| of rule {rule} | {burden['by_rule'][rule]['per_bed_day']:.2f} |"
    yield f"| time in alarm | {percent(burden['time_in_alarm_share'])} |"
    yield f"| alarms of the top 10 % of patients | {percent(burden['top_10_percent_patient_share'])} |"
    yield ""
    yield "What is there in the 24 h before the onset of sepsis, and on how many patients without sepsis at any time:"
    yield ""
    yield "| alarm | with sepsis | alarm before onset | median lead (h) | p10 … p90 (h) | alarmed without sepsis |"
    yield "|---|---|---|---|---|---|"
    for d in one["detectors"]:
        name = {"news2 high": "NEWS2 ≥ 7", "news2 medium": "NEWS2 ≥ 5"}.get(d["detector"], d["detector"])
        spread = f"{d['lead_h_p10']:g} … {d['lead_h_p90']:g}"
        caught = f"{d['caught']} ({percent(d['caught_share'])})"
        false = percent(d["alarmed_without_event_share"])
        yield f"| {name} | {d['events']} | {caught} | {d['lead_h_median']:g} | {spread} | {false} |"


def delay(session: Session) -> Iterator[str]:
    """A delay of 15 s on SpO2 against none."""
    ward = "simulate --record ward-dips.jsonl --devices 24 --hours 24 --episode-rate 0 --dip-rate 2"
    line = "ward-dips.jsonl --rules rules/examples/spo2-delay-15.toml --against rules/examples/spo2-delay-0.toml"
    session.vigil(ward)
    made, _ = session.backtest(line)
    sets = {name: one["burden"] for name, one in made["rule_sets"].items()}
    yield "### A delay of 15 s on SpO2 below 90 %"
    yield ""
    yield "```"
    yield f"vigil {ward}"
    yield f"vigil backtest {line}"
    yield "```"
    yield ""
    yield "| | no delay | 15 s |"
    yield "|---|---|---|"
    for name, figure in (("alarms per bed-day", "per_bed_day"), ("ended alarms under 15 s", "under_15_s_share")):
        shown = [sets[one][figure] for one in ("against", "rules")]
        yield f"| {name} | {' | '.join(f'{v:.1f}' if figure == 'per_bed_day' else percent(v) for v in shown)} |"
    change = made["difference"]["alarms_change"]
    yield ""
    yield f"The delay removes {percent(-change)} of the alarms; published are {100 * PUBLISHED:.0f} %. The simulated"
    yield "dips have the lengths of another study, so this is a comparison and not a fit."


def stable(session: Session) -> Iterator[str]:
    """The default rules on patients to whom nothing happens."""
    ward = "simulate --record ward-stable.jsonl --devices 48 --hours 24 --episode-rate 0"
    session.vigil(ward)
    made, _ = session.backtest("ward-stable.jsonl")
    burden = made["rule_sets"]["rules"]["burden"]
    yield "### The default rules on stable patients"
    yield ""
    yield f"`vigil {ward}`: {made['bed_days']:.0f} bed-days at 1 Hz, {burden['alarms']} alarms,"
    yield f"{burden['per_bed_day']:.2f} per bed-day (the aim is at most 2)."


def episodes(session: Session) -> Iterator[str]:
    """Every injected episode."""
    ward = "simulate --record ward-episodes.jsonl --devices 100 --hours 6 --episode-rate 2 --dip-rate 1"
    line = "ward-episodes.jsonl --labels ward-episodes.truth.jsonl"
    session.vigil(ward)
    made, _ = session.backtest(line)
    found = made["rule_sets"]["rules"]["events"]
    yield "### The default rules on injected episodes"
    yield ""
    yield "```"
    yield f"vigil {ward}"
    yield f"vigil backtest {line}"
    yield "```"
    yield ""
    yield "Delays in seconds, from the onset and from where the episode is fully there, up to 5 s later."
    yield ""
    yield "| episode | injected | caught | median delay | p99 | longest | median after height | p99 after height |"
    yield "|---|---|---|---|---|---|---|---|"
    for kind, f in found.items():
        delays = [f[f"delay_s_{q}"] for q in ("median", "p99", "max")]
        after = [f[f"after_height_s_{q}"] for q in ("median", "p99")]
        yield f"| {kind} | {f['events']} | {f['caught']} | {' | '.join(f'{v:.1f}' for v in (*delays, *after))} |"
    events, caught = (sum(f[name] for f in found.values()) for name in ("events", "caught"))
    yield f"| **all** | **{events}** | **{caught}** | | | | | |"
    if unseen := sum(f["unseen"] for f in found.values()):
        yield ""
        yield f"Not counted: {unseen} that began within the last seconds of the recording."


def main() -> None:
    """Writes the section."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        parts = ["\n".join(part(session)) for part in (hourly, delay, stable, episodes)]
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    measured = "\n\n".join(parts)
    PAGE.write_text(f"{before}{BEGIN}\n{measured}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
