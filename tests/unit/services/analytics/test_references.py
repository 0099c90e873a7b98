"""Which model's bins, by the version that events name."""

import logging
from pathlib import Path

import msgspec
import pytest

from models import train
from services.analytics.references import LOOK_AGAIN_S, References
from vigil.model.manifest import read


class Clock:
    """Time that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def put(model_file: Path, folder: Path, version: str) -> None:
    manifest, packed = read(model_file)
    train.write(folder / version, msgspec.structs.replace(manifest, version=version), packed)


def test_a_version_is_found_in_the_folder_and_is_the_newest_from_then_on(model_file: Path, tmp_path: Path) -> None:
    references = References(str(model_file), str(tmp_path))
    shipped = references.newest
    assert references.of("") is references.of(shipped.version) is shipped
    put(model_file, tmp_path, "next")
    found = references.of("next")
    assert (found.version, found.fields) == ("next", shipped.fields)
    assert references.newest is references.of("") is found
    assert references.of(shipped.version) is shipped  # rolled back
    assert references.newest is shipped


def test_an_unknown_version_is_counted_nowhere_and_looked_for_again_later(
    model_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    references = References(str(model_file), str(tmp_path), clock)
    shipped = references.newest
    with caplog.at_level(logging.WARNING):
        assert references.of("late").fields == []
    assert "reference_unavailable" in caplog.text
    assert references.newest is shipped
    put(model_file, tmp_path, "late")
    clock.now += LOOK_AGAIN_S - 1
    assert references.of("late").fields == []
    clock.now += 1
    assert references.of("late").fields == shipped.fields


def test_a_broken_manifest_beside_it_does_not_hide_a_model(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    put(model_file, tmp_path, "whole")
    assert References(str(model_file), str(tmp_path)).of("whole").version == "whole"


def test_without_any_model_nothing_is_compared(tmp_path: Path) -> None:
    references = References(str(tmp_path / "none.onnx"))
    assert references.newest.fields == references.of("vitals-1").fields == []


def test_a_model_file_that_was_replaced_is_read_again(model_file: Path, tmp_path: Path) -> None:
    put(model_file, tmp_path, "here")
    file = tmp_path / "here" / model_file.name
    references = References(str(file))
    manifest, packed = read(file)
    train.write(file.parent, msgspec.structs.replace(manifest, version="replaced"), packed)
    assert references.of("replaced").version == "replaced"
