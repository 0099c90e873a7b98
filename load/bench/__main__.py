"""Runs the benchmark and writes load/REPORT.md. Some twenty minutes, half of them `unscored`; `--quick` for a look.

python -m load.bench [--quick] [--only core,scoring,backtest,pipeline,unscored,relay,naive,keys]
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from load.bench import backtest, core_stages, hop, machine, naive_run, report, scoring
from load.bench.bodies import Fleet
from load.bench.sustained import Run, highest, hold
from load.bench.system import System
from vigil.embedded.kafka import EmbeddedKafka
from vigil.embedded.postgres import EmbeddedPostgres
from vigil.embedded.redis import EmbeddedRedis

PARTS = ("core", "scoring", "backtest", "pipeline", "unscored", "relay", "naive", "keys")
console = Console()


def say(text: str) -> None:
    """A line of progress."""
    console.print(f"  {text}", highlight=False)


class Bench:
    """Real servers, started once; each part gets topics of its own."""

    def __init__(self, quick: bool, directory: Path) -> None:
        self.step_s, self.hold_s = (6.0, 15.0) if quick else (12.0, 62.0)
        # For a ratio of two rates: what grows slowly still looks flat in the shorter one, and noise decides.
        self.ratio_step_s = 2 * self.step_s
        self.devices = 20_000
        self.directory = directory
        self.postgres = EmbeddedPostgres(directory / "postgres")
        self.redis = EmbeddedRedis(directory / "redis")
        self.kafka = EmbeddedKafka(directory / "kafka")
        self.found: dict[str, Any] = {"machine": machine.describe(), "ratios": {}}

    def system(self, name: str, **extra: str) -> System:
        """A platform with its own topics and database."""
        database = f"bench_{name}_{int(time.time())}"
        self.postgres.sql(f"CREATE DATABASE {database}")
        env = {
            "KAFKA_BROKERS": self.kafka.brokers,
            "REDIS_URL": self.redis.url,
            "POSTGRES_DSN": self.postgres.dsn_of(database),
            "BUS_PREFIX": f"bench.{name}.{int(time.time())}.",
            "LOG_LEVEL": "WARNING",
            "COMMIT_INTERVAL_MS": "500",
            "CHECKPOINT_INTERVAL_MS": "2000",
            "ANALYTICS_FLUSH_MS": "1000",
            "BUS_PARTITIONS": "2",
            **extra,
        }
        return System(self.directory / name, env)

    def core(self) -> None:
        """(a)"""
        self.found["core"] = core_stages.measure(say)
        self.found["ratios"]["Rust stages through PyO3 ÷ json + Python"] = self.found["core"]["ratio"]

    def scoring(self) -> None:
        """What a row costs in the anomaly service."""
        found = self.found["scoring"] = scoring.measure(say)
        for call in ("ScoreBatch", "ScoreStream"):
            name = f"anomaly service, µs a row at batch 1024, by {call}"
            self.found["ratios"][name] = found[f"in the service by {call}, µs a row"]

    def unscored(self) -> None:
        """The whole pipeline without a model and with one, one after the other on a broker that has warmed up."""
        found = self.found["unscored"] = {}
        for name, enabled in (("without", "false"), ("with", "true")):
            system = self.system(f"scoring_{name}", ANOMALY_ENABLED=enabled)
            fleet = Fleet(self.devices)
            try:
                system.start_all()
                system.register(fleet.device_ids())
                # Whoever comes first pays for the broker's compilers.
                hold(system, fleet, 90_000, 30.0 if enabled == "false" else 10.0)
                best = highest(system, fleet, 138_000, self.ratio_step_s, say)
                run = hold(system, fleet, 100_000, self.step_s)
            finally:
                system.close()
            found[f"{name} scoring, flat for {self.ratio_step_s:.0f} s, observations/s"] = round(best)
            cpu_us = sum(run.cpu_s.values()) * 1e6 / run.generator["accepted"]
            found[f"{name} scoring, CPU µs an observation at 100,000/s, all services"] = round(cpu_us, 2)
            for quantile in ("p50", "p99"):
                found[f"{name} scoring, observation → alert at 100,000/s, {quantile} (ms)"] = run.alert_ms[quantile]
        rates = [value for name, value in found.items() if "flat" in name]
        self.found["ratios"]["pipeline with scoring ÷ without"] = round(rates[1] / max(rates[0], 1), 2)

    def backtest(self) -> None:
        """Prepared observations through the default rules."""
        self.found["backtest"] = backtest.measure(say)
        self.found["ratios"]["backtest, observations/s ÷ 1,000,000"] = round(
            self.found["backtest"].pop("rate") / 1e6, 2
        )

    def pipeline(self) -> None:
        """(b), with its latency and profile."""
        system = self.system("full")
        fleet = Fleet(self.devices)
        try:
            system.start_all()
            say(f"registering {self.devices:,} devices")
            system.register(fleet.device_ids())
            hold(system, fleet, 60_000, 10.0)  # lets the compilers of broker and kernels settle
            best = highest(system, fleet, 90_000, self.step_s, say)
            run = hold(system, fleet, best, self.hold_s)
            while not run.flat and best > 5_000:
                say(f"{best:,.0f}/s did not stay flat for {self.hold_s:.0f} s; trying less")
                best *= 0.9
                run = hold(system, fleet, best, self.hold_s)
            say(f"sustained {run.achieved:,.0f}/s for {run.seconds:.0f} s")
            self.found["pipeline"] = _summary(run)
            self.found["profile"] = {n: round(s * 1e6 / run.generator["accepted"], 3) for n, s in run.cpu_s.items()}
            generator = run.generator["cpu_s"] * 1e6 / run.generator["accepted"]
            self.found["profile"]["(load generator)"] = round(generator, 3)
            at = 0.7 * run.achieved
            idle_hop = hop.measure(self.kafka.brokers, 3.0)
            loaded = hold(system, fleet, at, min(30.0, self.hold_s))
            self.found["latency"] = {
                "rate": round(at),
                **{f"observation → alert, {k} (ms)": v for k, v in loaded.alert_ms.items() if k != "alerts"},
                "alerts measured": loaded.alert_ms["alerts"],
                **{f"request acknowledged, {k} (ms)": v for k, v in loaded.generator["ack_ms"].items()},
                **{f"bare Kafka hop on an idle machine, {k} (ms)": v for k, v in idle_hop.items()},
            }
            loaded_hop = hop.under(lambda: hold(system, fleet, at, 12.0), self.kafka.brokers)
            self.found["latency"].update({f"bare Kafka hop at that load, {k} (ms)": v for k, v in loaded_hop.items()})
            ratio = loaded.alert_ms["p99"] / loaded_hop["p99"]
            self.found["ratios"]["alert p99 at 70 % load ÷ bare hop p99"] = round(ratio, 2)
        finally:
            system.close()

    def relay(self) -> None:
        """(c)"""
        system = self.system("relay")
        fleet = Fleet(self.devices)
        try:
            system.start_relays()
            hold(system, fleet, 10_000, 3.0, alerts=False)
            best = highest(system, fleet, 200_000, self.step_s, say, alerts=False)
        finally:
            system.close()
        self.found["relay"] = {"sustained observations/s": round(best)}

    def naive(self) -> None:
        """(d)"""
        prefix = f"naive.{int(time.time())}."
        self.found["naive"] = naive_run.drain_rate(self.kafka.brokers, prefix, 60_000, 2)
        say(f"naive: {self.found['naive']['rate']:,.0f}/s")

    def keys(self) -> None:
        """The core's stages over 1,000 and over 1,000,000 device keys."""
        self.found["keys"] = core_stages.keys(say)
        self.found["ratios"]["1,000,000 device keys ÷ 1,000 keys"] = self.found["keys"]["ratio"]

    def ratios(self) -> None:
        """What needs two parts."""
        full = self.found.get("pipeline", {}).get("sustained observations/s")
        relay = self.found.get("relay", {}).get("sustained observations/s")
        naive = self.found.get("naive", {}).get("rate")
        if full and relay:
            self.found["ratios"]["pipeline ÷ null relay"] = round(full / relay, 2)
        if full and naive:
            self.found["ratios"]["pipeline ÷ naive per-message Python"] = round(full / naive, 1)


def _summary(run: Run) -> dict[str, Any]:
    return {
        "sustained observations/s": round(run.achieved),
        "vital values/s": round(run.achieved * 6),
        "held for (s)": run.seconds,
        "stages' lag in seconds of input, first and last third": f"{run.lag_s[0]:.2f} → {run.lag_s[1]:.2f}",
        "left to drain at the end (s)": round(run.drain_s, 2),
        "analytics' lag in records, first and last third": _thirds(run.analytics_lag),
        "alerts raised meanwhile": run.alert_ms.get("alerts", 0),
        **{f"observation → alert, {k} (ms)": v for k, v in run.alert_ms.items() if k != "alerts"},
    }


def _thirds(series: list[int]) -> str:
    third = max(1, len(series) // 3)
    return f"{sum(series[:third]) / third:.0f} → {sum(series[-third:]) / third:.0f}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m load.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short steps; figures are rougher")
    parser.add_argument("--only", default=",".join(PARTS), help=f"comma-separated: {', '.join(PARTS)}")
    options = parser.parse_args()
    wanted = options.only.split(",")
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
        bench = Bench(options.quick, Path(folder))
        with bench.postgres, bench.redis, bench.kafka:
            for part in PARTS:
                if part in wanted:
                    console.rule(f"[bold]{part}")
                    getattr(bench, part)()
        bench.ratios()
        path = report.write(bench.found)
    console.rule("[bold]report")
    console.print(path.read_text(), markup=False, highlight=False)


if __name__ == "__main__":
    main()
