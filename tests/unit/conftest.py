"""A small model, trained once a session on made-up rows."""

from pathlib import Path

import pytest

from models import train
from tests.unit.model import synthetic


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file with its manifest."""
    folder = tmp_path_factory.mktemp("model")
    manifest, packed = train.train(synthetic.dataset())
    train.write(folder, manifest, packed)
    return folder / manifest.file
