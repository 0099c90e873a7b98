"""A model is swapped under load: no call fails, every answer names its model, and a restart remembers."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest

from models import train
from tests.integration.services.test_anomaly_service import Running, started
from tests.unit.model import synthetic
from vigil import core
from vigil.model import Model, load
from vigil.pb import anomaly_pb2 as pb
from vigil.pb import anomaly_pb2_grpc

ROWS = 256
FEATURES = synthetic.features(ROWS, seed=21).astype("<f4").tobytes()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models."""
    made = []
    for seed in (1, 2):
        folder = tmp_path_factory.mktemp(f"model{seed}")
        manifest, packed = train.train(synthetic.dataset(), seed=seed)
        train.write(folder, manifest, packed)
        made.append(folder / manifest.file)
    return made


@pytest.fixture
def environment(files: list[Path], tmp_path: Path) -> dict[str, str]:
    return {
        "MODEL_FILE": str(files[0]),
        "MODEL_DIR": str(tmp_path),
        "MODEL_WATCH_S": "0.05",
        "MODEL_SHADOW_ROWS": "2000",
        "MODEL_SHADOW_S": "0",
        "MODEL_THREADS": "2",
        "MODEL_RANK_AGREEMENT_MIN": "-1",
        "MODEL_SEVERE_SHARE_DIFFERENCE_MAX": "1",
        "MODEL_TIME_RATIO_MAX": "100",
    }


class Load:
    """Callers that never stop; every answer is held against the model it names."""

    def __init__(self, target: str, models: list[Model]) -> None:
        self.expected = {model.version: model.score(FEATURES, ROWS) for model in models}
        self.versions: list[str] = []
        self.failures: list[str] = []
        self._channel = grpc.insecure_channel(target)
        self._stub = anomaly_pb2_grpc.AnomalyDetectionStub(self._channel)
        self._over = threading.Event()
        work = [self._calls, self._calls, self._stream]
        self._threads = [threading.Thread(target=target) for target in work]

    def request(self) -> pb.ScoreBatchRequest:
        columns = len(core.feature_names())
        return pb.ScoreBatchRequest(rows=ROWS, columns=columns, features=FEATURES, schema=core.feature_schema())

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)
        self._channel.close()

    def _calls(self) -> None:
        while not self._over.is_set():
            try:
                self._take(self._stub.ScoreBatch(self.request(), timeout=10))
            except grpc.RpcError as error:
                self.failures.append(str(error))

    def _stream(self) -> None:
        def requests() -> Iterator[pb.ScoreBatchRequest]:
            while not self._over.is_set():
                yield self.request()

        try:
            for answer in self._stub.ScoreStream(requests(), timeout=60):
                self._take(answer)
        except grpc.RpcError as error:
            self.failures.append(str(error))

    def _take(self, answer: pb.ScoreBatchResponse) -> None:
        if answer.status != pb.SUCCESS or answer.scores != self.expected.get(answer.model_version):
            self.failures.append(f"{answer.status} {answer.model_version} {answer.message}")
        self.versions.append(answer.model_version)


def drop(files: Path, into: Path) -> None:
    """Copies a model; the manifest last."""
    into.mkdir()
    shutil.copy(files, into)
    shutil.copy(files.parent / "manifest.json", into)


@contextmanager
def running(free_port: Callable[[], int], environment: dict[str, str]) -> Iterator[Running]:
    with started(free_port, **environment) as made:
        made.wait_for(lambda: made.get("/readyz").status_code == 200)
        yield made


def post(service: Running, path: str, **body: object) -> httpx.Response:
    return httpx.post(service.http + path, json=body, timeout=10)


def wait(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.01)


def test_a_swap_under_load_fails_no_call(
    free_port: Callable[[], int], environment: dict[str, str], files: list[Path], tmp_path: Path
) -> None:
    first, second = (load(file) for file in files)
    with running(free_port, environment) as service:
        with Load(service.grpc_target, [first, second]) as calls:
            wait(lambda: len(calls.versions) > 20)
            drop(files[1], tmp_path / "second")
            wait(lambda: (service.get("/models").json()["candidate"] or {}).get("state") == "ready")
            report = service.get("/models/shadow").json()
            assert (report["active"], report["candidate"]) == (first.version, second.version)
            assert report["comparison"]["rows"] >= 2000
            assert 'vigil_model_shadow_rank_agreement{score="risk"}' in service.get("/metrics").text
            assert 0 < report["comparison"]["scores"]["risk"]["rankAgreement"] <= 1
            assert set(calls.versions) == {first.version}
            assert post(service, "/models/candidate/promote").status_code == 200
            asked = len(calls.versions)
            wait(lambda: len(calls.versions) > asked + 20)
        assert calls.failures == []
        assert set(calls.versions) == {first.version, second.version}
        assert set(calls.versions[-10:]) == {second.version}
        metrics = service.get("/metrics").text
        assert f'vigil_model_info{{model_version="{second.version}",role="active"}} 1.0' in metrics
        with grpc.insecure_channel(service.grpc_target) as channel:
            listed = anomaly_pb2_grpc.AnomalyDetectionStub(channel).ListModels(pb.ListModelsRequest(), timeout=5).models
        assert {model.role: model.model_version for model in listed} == {
            "active": second.version,
            "previous": first.version,
        }
    with running(free_port, environment) as service:
        assert service.get("/models").json()["active"] == {"source": "second", "modelVersion": second.version}
        assert post(service, "/models/rollback").status_code == 409


def test_a_wrong_model_is_refused_with_the_reason_and_calls_go_on(
    free_port: Callable[[], int], environment: dict[str, str], files: list[Path], tmp_path: Path
) -> None:
    first = load(files[0])
    with running(free_port, environment) as service, Load(service.grpc_target, [first]) as calls:
        altered = tmp_path / "altered"
        altered.mkdir()
        (altered / files[1].name).write_bytes(files[1].read_bytes() + b"\0")
        shutil.copy(files[1].parent / "manifest.json", altered)
        wait(lambda: bool(service.get("/models").json()["history"]))
        (event,) = service.get("/models").json()["history"]
        assert (event["result"], event["source"]) == ("refused", "altered")
        assert "sha256" in event["reason"]
        for path, body, status in (
            ("/models/candidate", {"directory": "altered"}, 409),
            ("/models/candidate", {"directory": "../altered"}, 422),
            ("/models/candidate", {}, 422),
            ("/models/candidate/promote", {}, 409),
            ("/models/rollback", {}, 409),
        ):
            assert post(service, path, **body).status_code == status, path
        assert service.get("/models/shadow").status_code == 409
        asked = len(calls.versions)
        wait(lambda: len(calls.versions) > asked + 10)
        assert calls.failures == []


def test_a_service_without_a_model_takes_the_first_that_comes(
    free_port: Callable[[], int], environment: dict[str, str], files: list[Path], tmp_path: Path
) -> None:
    environment["MODEL_FILE"] = str(tmp_path / "absent.onnx")
    with started(free_port, **environment) as service:
        service.wait_for(lambda: "model" in service.get("/readyz").json()["problems"])
        drop(files[0], tmp_path / "first")
        service.wait_for(lambda: service.get("/readyz").status_code == 200)
        assert service.get("/models").json()["active"]["source"] == "first"


def test_nan_rows_are_not_scorable_over_the_wire(
    free_port: Callable[[], int], environment: dict[str, str], files: list[Path]
) -> None:
    columns = len(core.feature_names())
    rows = synthetic.features(3, seed=5).astype("<f4")
    rows[1] = np.nan
    request = pb.ScoreBatchRequest(rows=3, columns=columns, features=rows.tobytes(), schema=core.feature_schema())
    with running(free_port, environment) as service, grpc.insecure_channel(service.grpc_target) as channel:
        answer = anomaly_pb2_grpc.AnomalyDetectionStub(channel).ScoreBatch(request, timeout=10)
    scores = np.frombuffer(answer.scores, "<f4").reshape(3, answer.columns)
    assert np.isnan(scores[1]).all()
    assert np.isfinite(scores[[0, 2], 0]).all()
