"""The anomaly service as a process: what its clients, its supervisor and the rules engine see."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import grpc
import httpx
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from vigil import core, paths
from vigil.model import load
from vigil.pb import anomaly_pb2, anomaly_pb2_grpc

SERVICE = "anomaly.AnomalyDetection"


@dataclass
class Running:
    """A started service and where it answers."""

    process: subprocess.Popen[bytes]
    http: str
    grpc_target: str

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.http + path, timeout=5)

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            assert self.process.poll() is None, "the service ended"
            try:
                if condition():
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "the condition did not come"
            time.sleep(0.02)


@contextmanager
def started(free_port: Callable[[], int], **environment: str) -> Iterator[Running]:
    ports = {"ANOMALY_SERVICE_HTTP_PORT": free_port(), "ANOMALY_SERVICE_GRPC_PORT": free_port()}
    env = os.environ | {name: str(port) for name, port in ports.items()} | environment
    env["PYTHONPATH"] = f"{paths.ROOT / 'python'}:{paths.ROOT}"
    process = subprocess.Popen([sys.executable, "-m", "services.anomaly_service"], env=env, stderr=subprocess.DEVNULL)
    http, rpc = ports.values()
    try:
        yield Running(process, f"http://127.0.0.1:{http}", f"127.0.0.1:{rpc}")
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    from vigil.embedded.server import free_port

    with started(free_port) as running:
        running.wait_for(lambda: running.get("/readyz").status_code == 200)
        yield running


@pytest.fixture
def channel(service: Running) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(service.grpc_target) as made:
        yield made


def test_health_metrics_and_liveness_are_answered(service: Running) -> None:
    assert service.get("/health").json()["status"] == "ready"
    assert service.get("/livez").status_code == 200
    assert "vigil_ready" in service.get("/metrics").text


def test_grpc_health_and_reflection(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
    assert health.Check(health_pb2.HealthCheckRequest(service=SERVICE)).status == 1
    assert SERVICE in ProtoReflectionDescriptorDatabase(channel).get_services()


def test_a_batch_is_scored_as_offline(channel: grpc.Channel) -> None:
    features = np.random.default_rng(1).uniform(20, 120, (1024, len(core.feature_names()))).astype("<f4").tobytes()
    request = anomaly_pb2.ScoreBatchRequest(
        version="1", rows=1024, columns=len(core.feature_names()), features=features, schema=core.feature_schema()
    )
    answer = anomaly_pb2_grpc.AnomalyDetectionStub(channel).ScoreBatch(request, timeout=10)
    assert answer.status == anomaly_pb2.SUCCESS
    assert answer.scores == load().score(features, 1024)


def test_a_client_that_knows_the_contract_alone(channel: grpc.Channel) -> None:
    request = anomaly_pb2.ScoreVitalsRequest(
        vitals=anomaly_pb2.Vitals(heart_rate=150, oxygen_saturation=84, respiratory_rate=32),
        patient_context=anomaly_pb2.PatientContext(patient_id="p1", age=71, gender="male"),
    )
    answer = anomaly_pb2_grpc.AnomalyDetectionStub(channel).ScoreVitals(request, timeout=10)
    assert answer.status == anomaly_pb2.SUCCESS
    assert {score.vital: score.severity for score in answer.vital_scores}["oxygen_saturation"] in {"high", "critical"}


def test_the_example_of_the_page_works(service: Running, capsys: pytest.CaptureFixture[str]) -> None:
    page = (paths.ROOT / "docs" / "grpc.md").read_text("utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "ScoreVitals" in block]
    exec(code.replace("localhost:50053", service.grpc_target), {})
    first, *vitals = capsys.readouterr().out.splitlines()
    assert first.startswith("SUCCESS 0.")
    assert [line.split()[0] for line in vitals] == [
        "heart_rate",
        "temperature",
        "oxygen_saturation",
        "respiratory_rate",
    ]
    assert "news2_3" in vitals[2]


def test_the_largest_batch_fits_a_message(channel: grpc.Channel) -> None:
    from vigil.model.session import ROWS_MAX

    columns = len(core.feature_names())
    request = anomaly_pb2.ScoreBatchRequest(
        rows=ROWS_MAX, columns=columns, features=bytes(ROWS_MAX * columns * 4), schema=core.feature_schema()
    )
    with grpc.insecure_channel(channel._channel.target().decode(), options=_LARGE) as large:
        answer = anomaly_pb2_grpc.AnomalyDetectionStub(large).ScoreBatch(request, timeout=30)
    assert (answer.status, answer.rows) == (anomaly_pb2.SUCCESS, ROWS_MAX)


_LARGE = [("grpc.max_send_message_length", 64 << 20), ("grpc.max_receive_message_length", 64 << 20)]


def test_an_altered_model_is_not_served(tmp_path: Path, free_port: Callable[[], int]) -> None:
    file = tmp_path / "vitals.onnx"
    shutil.copy(paths.MODELS / "manifest.json", tmp_path)
    file.write_bytes((paths.MODELS / "vitals.onnx").read_bytes() + b"\0")
    with started(free_port, MODEL_FILE=str(file)) as running:
        running.wait_for(lambda: "sha256" in running.get("/readyz").json()["problems"].get("model", ""))
        running.wait_for(lambda: "start" not in running.get("/readyz").json()["problems"])
        assert running.get("/readyz").status_code == 503
        assert running.get("/livez").status_code == 200
        with grpc.insecure_channel(running.grpc_target) as channel:
            stub = anomaly_pb2_grpc.AnomalyDetectionStub(channel)
            answer = stub.ScoreBatch(anomaly_pb2.ScoreBatchRequest(), timeout=10)
            assert answer.status == anomaly_pb2.MODEL_UNAVAILABLE
            assert "sha256" in answer.message
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=SERVICE))
            assert health.status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_it_stops_cleanly(free_port: Callable[[], int]) -> None:
    with started(free_port) as running:
        running.wait_for(lambda: running.get("/readyz").status_code == 200)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(15) == 0


def test_a_rule_file_in_trouble_is_no_trouble_of_the_scores(free_port: Callable[[], int]) -> None:
    with started(free_port, RULES_FILE="/nowhere/rules.toml") as running:
        running.wait_for(lambda: running.get("/readyz").status_code == 200)
        with grpc.insecure_channel(running.grpc_target) as channel:
            request = anomaly_pb2.ScoreVitalsRequest(vitals=anomaly_pb2.Vitals(heart_rate=80))
            answer = anomaly_pb2_grpc.AnomalyDetectionStub(channel).ScoreVitals(request, timeout=10)
        assert answer.status == anomaly_pb2.SUCCESS


def test_a_hangup_without_a_folder_of_models_does_not_end_it(free_port: Callable[[], int]) -> None:
    with started(free_port, MODEL_DIR="") as running:
        running.wait_for(lambda: running.get("/readyz").status_code == 200)
        running.process.send_signal(signal.SIGHUP)
        assert running.get("/readyz").status_code == 200
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(15) == 0, "ended by its own draining, not by the hangup"


def test_a_stream_answers_each_request_by_its_number_and_ends_with_the_service(free_port: Callable[[], int]) -> None:
    columns = len(core.feature_names())
    wrong = anomaly_pb2.ScoreBatchRequest(request=8, schema="other")
    right = anomaly_pb2.ScoreBatchRequest(
        request=7, rows=300, columns=columns, features=bytes(300 * columns * 4), schema=core.feature_schema()
    )
    with started(free_port) as running:
        running.wait_for(lambda: running.get("/readyz").status_code == 200)
        with grpc.insecure_channel(running.grpc_target) as channel:
            requests: SimpleQueue[anomaly_pb2.ScoreBatchRequest | None] = SimpleQueue()
            answers = anomaly_pb2_grpc.AnomalyDetectionStub(channel).ScoreStream(iter(requests.get, None), timeout=60)
            for request, status in ((right, anomaly_pb2.SUCCESS), (wrong, anomaly_pb2.INVALID_ARGUMENT)):
                requests.put(request)
                answer = next(answers)
                assert (answer.request, answer.status) == (request.request, status)
            began = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            assert not list(answers), "the service ends the stream in order, though the client keeps it open"
            assert running.process.wait(20) == 0
            assert time.monotonic() - began < 5, "and does not wait for the client"
            requests.put(None)
