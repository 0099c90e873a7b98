"""A model that is not what its manifest says, or not for this core's rows, is refused."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from vigil import core
from vigil.model import Manifest, ModelError, load
from vigil.model.manifest import FILE_NAME, default_file, read


@pytest.fixture
def copy(model_file: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    shutil.copytree(model_file.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / model_file.name


def rewrite(file: Path, **changes: object) -> None:
    path = file.parent / FILE_NAME
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, **changes)))


def test_a_whole_model_is_read(copy: Path) -> None:
    manifest, graph = read(copy)
    assert manifest.schema == core.feature_schema()
    assert graph == copy.read_bytes()
    assert default_file(copy.parent) == copy


def test_one_altered_byte_is_refused(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        load(copy)


def test_a_model_for_other_rows_is_refused(copy: Path) -> None:
    rewrite(copy, schema="another")
    with pytest.raises(ModelError, match="feature schema another"):
        load(copy)


def test_reordered_features_are_refused_even_under_the_same_schema(copy: Path) -> None:
    rewrite(copy, features=list(reversed(core.feature_names())))
    with pytest.raises(ModelError, match="feature schema"):
        load(copy)


def test_other_scores_are_refused(copy: Path) -> None:
    rewrite(copy, scores=["risk"])
    with pytest.raises(ModelError, match="the core reads"):
        load(copy)


def test_scores_without_bands_of_severity_are_refused(copy: Path) -> None:
    bands = read(copy)[0].severity
    rewrite(copy, severity={"anomaly": bands["anomaly"]})
    with pytest.raises(ModelError, match="severity: has no bands of risk"):
        load(copy)


@pytest.mark.parametrize("bands", [(0.9, 0.1, 0.95), (0.1, 0.9, 0.5), (-0.1, 0.5, 0.9), (0.1, 0.5, 1.1)])
def test_bands_that_do_not_ascend_within_the_scale_are_refused(copy: Path, bands: tuple[float, ...]) -> None:
    path = copy.parent / FILE_NAME
    manifest = json.loads(path.read_bytes())
    manifest["severity"]["risk"] = dict(zip(("medium", "high", "critical"), bands, strict=True))
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=r"must ascend.*severity"):
        load(copy)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"name": 1}'])
def test_a_manifest_that_is_none_is_refused(copy: Path, content: bytes) -> None:
    (copy.parent / FILE_NAME).write_bytes(content)
    with pytest.raises(ModelError, match="manifest"):
        load(copy)
    with pytest.raises(ModelError, match="manifest"):
        default_file(copy.parent)


def test_a_missing_file_is_named(copy: Path) -> None:
    copy.unlink()
    with pytest.raises(ModelError, match=copy.name):
        load(copy)


def test_a_manifest_of_another_file_is_refused(copy: Path) -> None:
    other = copy.with_name("other.onnx")
    copy.rename(other)
    with pytest.raises(ModelError, match="describes"):
        load(other)


def test_a_graph_that_is_none_is_refused(copy: Path) -> None:
    import hashlib

    copy.write_bytes(b"not a graph")
    rewrite(copy, sha256=hashlib.sha256(b"not a graph").hexdigest())
    with pytest.raises(ModelError, match=copy.name):
        load(copy)
