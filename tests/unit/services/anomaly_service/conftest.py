"""A model beside the one of `model_file`, for the tests of swaps and of the folder of models."""

from pathlib import Path

import pytest

from models import train
from tests.unit.model import synthetic


@pytest.fixture(scope="package")
def other_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other")
    manifest, packed = train.train(synthetic.dataset(), seed=2)
    train.write(folder, manifest, packed)
    return folder / manifest.file
