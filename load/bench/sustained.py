"""(b) The whole pipeline at a sustained rate: flat lag, open-loop latency, CPU by service; also for the relay (c)."""

import json
import math
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from load.bench.bodies import Fleet
from load.bench.generator import percentiles
from load.bench.system import STAGES, System
from vigil import topology
from vigil.pb import events_pb2


class AlertClock:
    """Measures, as a reader of alerts.raised, how long after its intended send time an observation's alert is there."""

    def __init__(self, system: System) -> None:
        self._consumer = system.bus.consumer([topology.ALERTS], None, from_beginning=False)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.latencies_ms: list[float] = []
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            for record in self._consumer.poll(500, 0.05):
                now = time.time()
                alert = events_pb2.AlertEvent.FromString(record.value)
                if alert.header.device_id.startswith("bench-"):
                    self.latencies_ms.append(now * 1000 - alert.header.event_time_us / 1000)
        self._consumer.close()

    def stop(self) -> dict[str, float]:
        """Percentiles of what was seen."""
        self._stop.set()
        self._thread.join(5)
        return {"alerts": len(self.latencies_ms), **percentiles(self.latencies_ms)}


@dataclass
class Run:
    """One rate held for a while."""

    rate: float
    seconds: float
    generator: dict[str, Any] = field(default_factory=dict)
    lag_series: list[int] = field(default_factory=list)
    analytics_lag: list[int] = field(default_factory=list)
    records: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict)
    alert_ms: dict[str, float] = field(default_factory=dict)
    drain_s: float = 0.0

    @property
    def achieved(self) -> float:
        """Observations a second that the gateway acknowledged."""
        return float(self.generator["rate"])

    @property
    def lag_s(self) -> tuple[float, float]:
        """Lag of the three stages together in seconds of their input: mean of the first and of the last third."""
        third = max(1, len(self.lag_series) // 3)
        first, last = self.lag_series[:third], self.lag_series[-third:]
        per_second = max(1.0, self.records / self.seconds)
        return sum(first) / len(first) / per_second, sum(last) / len(last) / per_second

    @property
    def flat(self) -> bool:
        """Whether the lag did not grow: the stages' mean lag in the last third is at most half a second of input (the
        commit interval) above that of the first, the generator kept its schedule and nothing was refused, and what
        was left drained within three seconds. Analytics gathers before it writes; its lag is reported beside."""
        kept = self.generator["accepted"] == self.generator["sent"] and self.achieved >= 0.97 * self.rate
        first, last = self.lag_s
        return kept and last <= first + 0.5 and self.drain_s < 3.0


def hold(system: System, fleet: Fleet, rate: float, seconds: float, *, alerts: bool = True) -> Run:
    """Holds a rate; samples the lag each half second."""
    run = Run(rate, seconds)
    clock = AlertClock(system) if alerts else None
    before, written = system.cpu_s(), system.written()
    generator = system.generate(rate, seconds, fleet.devices, fleet.per_body)
    while generator.poll() is None:
        lags = system.lags()
        run.lag_series.append(sum(lags[name] for name in STAGES))
        run.analytics_lag.append(lags["analytics"])
        time.sleep(0.5)
    run.generator = json.loads(generator.communicate()[0])
    run.drain_s = system.drained(STAGES)
    run.records = system.written() - written
    system.drained()  # what analytics gathers is part of the CPU bill, and must not weigh on the next run
    after = system.cpu_s()
    run.cpu_s = {name: round(after[name] - before[name], 2) for name in after}
    if clock:
        run.alert_ms = clock.stop()
    return run


def highest(system: System, fleet: Fleet, start: float, seconds: float, say: Any, *, alerts: bool = True) -> float:
    """The highest rate that stays flat for `seconds`: found by steps of 15 %, the last one in quarters.

    A rate that is not held is tried once more: a pause of the broker or the machine is not the pipeline's limit, and
    at a low step it would end the search.
    """

    def flat(rate: float) -> bool:
        for _ in range(2):
            run = hold(system, fleet, rate, seconds, alerts=alerts)
            verdict = "flat" if run.flat else "not held"
            say(f"{rate:,.0f}/s: {verdict} (got {run.achieved:,.0f}/s, drained in {run.drain_s:.1f} s)")
            if run.flat:
                return True
        return False

    rate = start
    while not flat(rate):
        rate /= 1.5
        if rate < 2000:
            return 0.0
    good, bad = rate, rate * 1.15
    while flat(bad) and bad < 2_000_000:
        good, bad = bad, bad * 1.15
    for _ in range(2):
        middle = math.sqrt(good * bad)
        good, bad = (middle, bad) if flat(middle) else (good, middle)
    return good
