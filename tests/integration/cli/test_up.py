"""`vigil up` as a person runs it: embedded servers, found from another terminal, stopped by one signal."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.platform import ROOT, eventually, free_ports
from vigil import topology

pytestmark = pytest.mark.slow


def environment(directory: Path) -> dict[str, str]:
    wanted = [(s, kind) for s in topology.SERVICES for kind in ("HTTP", "GRPC")]
    ports = free_ports(len(wanted))
    named = {f"{s.package.upper()}_{kind}_PORT": str(p) for (s, kind), p in zip(wanted, ports, strict=True)}
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("POSTGRES", "REDIS", "KAFKA"))}
    return {**clean, **named, "VIGIL_DIR": str(directory), "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"}


def state_of(directory: Path, service: str) -> str:
    return str(json.loads((directory / "state.json").read_text())["services"][service]["state"])


def test_up_seed_status_down(tmp_path: Path) -> None:
    env = environment(tmp_path)

    def vigil(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "vigil.cli", *arguments]
        # Another terminal knows the directory, and nothing of ports or passwords.
        mine = {k: v for k, v in env.items() if not k.endswith("_PORT")}
        return subprocess.run(command, cwd=ROOT, env=mine, capture_output=True, text=True, timeout=90, check=False)

    log = (tmp_path / "up.log").open("wb")
    up = subprocess.Popen([sys.executable, "-m", "vigil.cli", "up", "--no-simulator"], cwd=ROOT, env=env, stderr=log)
    try:
        eventually("the registry is ready", lambda: state_of(tmp_path, "registry") == "ready", 90, 0.2)
        for _ in range(2):  # again changes nothing
            seeded = vigil("seed", "5")
            assert seeded.returncode == 0, seeded.stdout + seeded.stderr
        rows = json.loads(vigil("status", "--json").stdout)
        assert rows["supervisor"] == up.pid
        assert next(r for r in rows["services"] if r["service"] == "registry")["ready"]
        second = vigil("up")
        assert second.returncode == 1
        assert str(up.pid) in second.stderr
    finally:
        up.send_signal(signal.SIGTERM)
        code = up.wait(90)
        log.close()
        print((tmp_path / "up.log").read_text())  # shown when the test fails
    assert code == 0
    left = [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])]
    assert left == []
    down = vigil("down")
    assert down.returncode == 0
    assert "nothing runs here" in down.stderr
