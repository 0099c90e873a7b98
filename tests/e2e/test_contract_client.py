"""The contract, tried by a client in a process of its own that imports nothing of this project."""

import json
import subprocess
import sys
from pathlib import Path

from grpc_tools import protoc

from tests.conftest import unique
from tests.support.platform import Platform

HERE = Path(__file__).parent / "contract_client"


def test_a_client_that_knows_only_the_contract(platform: Platform, tmp_path: Path) -> None:
    assert not protoc.main(
        ["protoc", f"-I{HERE}", f"--python_out={tmp_path}", f"--grpc_python_out={tmp_path}", "gateway.proto"]
    )
    s = platform.settings
    services = ("incident-service", "notification-service", "analytics")
    done = subprocess.run(
        [
            sys.executable, "-P", str(HERE / "client.py"), str(tmp_path), s.http_url("registry"),
            s.http_url("telemetry-gateway"), s.grpc_target("telemetry-gateway"),
            *(s.http_url(name) for name in services), unique("contract-"),
        ],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["incidents"] >= 2
    assert found["notifications"] >= 2
