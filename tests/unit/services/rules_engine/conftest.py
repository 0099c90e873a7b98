"""A scorer and the model that it asks."""

from collections.abc import Iterator

import pytest

from services.rules_engine.scorer import Scorer
from tests.unit.services.rules_engine.streamed_model import BOUNDS, Model
from tests.unit.services.rules_engine.test_breaker import Clock


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model()
    yield made
    made.close()


@pytest.fixture
def scorer(model: Model) -> Iterator[Scorer]:
    made = Scorer(model.target, BOUNDS, "test", Clock())
    yield made
    made.close()
