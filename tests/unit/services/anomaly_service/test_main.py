"""What the process sets before gRPC is imported, for gRPC reads it then and never again."""

import os
import subprocess
import sys

from vigil import paths

PROBE = """
import importlib.abc, os, runpy, sys

class Imports(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "grpc":
            print(os.environ.get("GRPC_EXPERIMENTS"))

sys.meta_path.insert(0, Imports())
runpy.run_module("services.anomaly_service", run_name="__main__")
"""
WRONG_SETTING = {"MODEL_THREADS": "many"}  # ends it as soon as everything is imported


def seen_by_grpc(**environment: str) -> tuple[str, str]:
    """GRPC_EXPERIMENTS as the starting service imports gRPC, and what is said on standard error."""
    env = {name: value for name, value in os.environ.items() if name != "GRPC_EXPERIMENTS"}
    env |= {"PYTHONPATH": f"{paths.ROOT / 'python'}:{paths.ROOT}"} | WRONG_SETTING | environment
    ran = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 78, ran.stderr
    return ran.stdout.strip(), ran.stderr


def test_grpc_finds_its_listener_chosen_and_knows_the_choice() -> None:
    seen, said = seen_by_grpc()
    assert seen == "-event_engine_listener"
    assert "Unknown experiment" not in said, "this gRPC has no other listener: measure again, take the choice out"


def test_who_runs_the_service_may_choose_otherwise() -> None:
    seen, said = seen_by_grpc(GRPC_EXPERIMENTS="no_such_experiment")
    assert seen == "no_such_experiment"
    assert "Unknown experiment" in said, "gRPC says so, or the test above could not fail"
