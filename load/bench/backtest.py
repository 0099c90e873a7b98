"""Backtest: prepared observations through the default rules a second, on all cores, without the model.

A simulated ward at 1 Hz is recorded and prepared; then the rules run over it twice in the same processes, and the
second run counts: the first starts the interpreters.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vigil import paths, recordings
from vigil.backtest.cache import Cache
from vigil.backtest.evaluate import RuleText, evaluate
from vigil.backtest.prepared import RecordingSource
from vigil.backtest.workers import Workers, usable
from vigil.recordings import DEFAULT_START

DEVICES, HOURS = 100, 8
Say = Callable[[str], None]


def measure(say: Say, hours: float = HOURS) -> dict[str, Any]:
    """The figures of the report's section."""
    rules = [RuleText(str(paths.RULES), paths.RULES.read_text(encoding="utf-8"))]
    with tempfile.TemporaryDirectory(prefix="vigil-bench-backtest-") as folder, Workers(usable()) as workers:
        path = Path(folder) / "ward.jsonl"
        ward = ["--devices", str(DEVICES), "--hours", str(hours), "--episode-rate", "0.5", "--dip-rate", "1"]
        subprocess.run(
            [sys.executable, "-m", "vigil.cli", "simulate", "--record", str(path), *ward],
            check=True,
            capture_output=True,
        )
        source = RecordingSource(recording=recordings.open(path), start=DEFAULT_START)
        prepared = source.prepared(workers, Cache(Path(folder) / "cache"), lambda *_: None)
        tasks = [(prepared.folder, part, rules, None) for part in prepared.parts]
        workers.run(evaluate, tasks)
        began = time.perf_counter()
        made = workers.run(evaluate, tasks)
        took = time.perf_counter() - began
        # The same here, for the CPU it takes: wall clock on a machine that does other things says less.
        some = tasks[: max(1, len(tasks) // 4)]
        began = time.process_time()
        seen = sum(evaluate(*task)[0].observations for task in some)
        cpu_us = (time.process_time() - began) * 1e6 / seen
    observations = sum(one.observations for (one,) in made)
    engine_s = sum(one.engine_s for (one,) in made)
    say(f"{observations / took:,.0f}/s over {usable()} cores")
    return {
        "observations": observations,
        "processes": usable(),
        "observations/s, wall clock": round(observations / took),
        "CPU µs an observation, all in": round(cpu_us, 3),
        "CPU µs of it in the engine": round(engine_s * 1e6 / observations, 3),
        "alert events": sum(one.alert_events for (one,) in made),
        "prepared from the recording, observations/s": round(observations / prepared.seconds),
        "rate": round(observations / took),
    }
