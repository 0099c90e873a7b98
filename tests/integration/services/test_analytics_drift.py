"""Drift through the analytics as a process: counted once over a crash, per ward, as route and metric."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest

from models import train
from tests.integration.services.test_analytics_service import caught_up, send
from tests.support.platform import Platform, eventually
from tests.unit.model import synthetic
from tests.unit.services.analytics.scored import T0, batch, scored
from vigil import topology
from vigil.model.drift import distribution
from vigil.model.manifest import read
from vigil.scalars import time_text

NAME = "analytics"


@pytest.fixture
def platform(tmp_path: Path, new_database: object, redis_url: str) -> Iterator[Platform]:
    manifest, packed = train.train(synthetic.dataset())
    rate = distribution(np.random.default_rng(1).normal(80, 10, 5000).astype(np.float32))
    risk = distribution(np.random.default_rng(1).random(5000).astype(np.float32))
    folder = tmp_path / "model"
    drift = {"heart_rate": rate, "risk": risk}
    train.write(folder, msgspec.structs.replace(manifest, version="first", drift=drift), packed)
    env = {
        "POSTGRES_DSN": new_database(),  # type: ignore[operator]
        "REDIS_URL": redis_url,
        "BUS_PREFIX": f"t{uuid.uuid4().hex[:10]}.",
        "MODEL_FILE": str(folder / manifest.file),
        "MODEL_DIR": str(tmp_path / "models"),
    }
    made = Platform(tmp_path, env)
    try:
        made.start([NAME], timeout_s=90)
        yield made
    finally:
        codes = made.close()
    assert set(codes.values()) <= {0}, codes


def test_a_ward_that_moved_is_named(platform: Platform) -> None:
    random = np.random.default_rng(2)
    rates = {"C3": random.normal(80, 10, 700), "D1": random.normal(115, 10, 700)}
    records = [
        batch([scored(at, {"heart_rate": float(rates[ward][at])}, ward=ward, patient=ward, at_s=at) for ward in rates])
        for at in range(700)
    ]
    send(platform, topology.SCORED, records[:400])
    eventually("the first half is committed", lambda: caught_up(platform))
    platform.kill(NAME)
    send(platform, topology.SCORED, [*records[390:400], *records[400:]])
    platform.start([NAME], timeout_s=90)
    eventually("all is committed", lambda: caught_up(platform))

    def ask(**query: str) -> httpx.Response:
        return httpx.get(platform.settings.http_url(NAME) + "/drift", params=query, timeout=5)

    at = str(time_text(T0))
    report = ask(at=at).json()
    found = {(item["ward"], item["field"]): item for item in report["items"]}
    assert found["C3", "heart_rate"]["values"] == 700
    assert found[None, "heart_rate"]["values"] == 1400
    assert found["C3", "heart_rate"]["band"] == "none"
    assert found["D1", "heart_rate"]["band"] == "much"
    assert report["items"][0]["psi"] == max(item["psi"] for item in report["items"])
    assert found["C3", "risk"]["band"] == "much"  # every score here is 0.1
    assert {item["ward"] for item in ask(at=at, ward="D1", window="hour").json()["items"]} == {"D1"}
    assert ask().json()["items"] == []  # the last day has none
    for wrong in ({"at": "yesterday"}, {"window": "week"}):
        assert ask(**wrong).status_code == 422, json.dumps(wrong)


def test_a_model_that_takes_over_brings_its_own_bins(platform: Platform, tmp_path: Path) -> None:
    """Without a restart: its manifest is found in the folder of models when events name it."""
    first = tmp_path / "model"
    manifest, packed = read(first / "vitals.onnx")
    values = np.random.default_rng(3).normal(115, 10, 1400)

    def feed(model: str, start: int) -> None:
        chosen = range(start, start + 700)
        send(
            platform,
            topology.SCORED,
            [batch([scored(at, {"heart_rate": float(values[at])}, at_s=at, model=model)]) for at in chosen],
        )
        eventually("all is committed", lambda: caught_up(platform))

    def rate() -> tuple[str, str, int]:
        url = platform.settings.http_url(NAME) + "/drift"
        report = httpx.get(url, params={"at": str(time_text(T0))}, timeout=5).json()
        item = next(item for item in report["items"] if (item["ward"], item["field"]) == ("C3", "heart_rate"))
        return report["modelVersion"], item["band"], item["values"]

    feed("first", 0)
    assert rate() == ("first", "much", 700)
    # The new model learned from hearts as fast as these.
    other = distribution(np.random.default_rng(4).normal(115, 10, 5000).astype(np.float32))
    drift = manifest.drift | {"heart_rate": other}
    train.write(
        tmp_path / "models" / "second", msgspec.structs.replace(manifest, version="second", drift=drift), packed
    )
    feed("second", 700)
    assert rate() == ("second", "none", 700)
