"""What is written beside an ONNX file, and the checks that file and manifest belong together."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

FILE_NAME = "manifest.json"
BANDED = ("risk", "anomaly")
"""The scores that have severity bands of their own; one of a sign is banded as the anomaly."""


class ModelError(Exception):
    """The model cannot be used; the text says why."""


class Bands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lower limits of a score's severities; below `medium` it is low."""

    medium: float
    high: float
    critical: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.medium <= self.high <= self.critical <= 1.0:
            raise ValueError("medium, high and critical must ascend from 0 to 1")


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one sign was distributed in the training recordings, in its canonical unit."""

    p01: float
    p05: float
    p50: float
    p95: float
    p99: float


class Distribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one feature or score was distributed in training: what live rows are compared with (`vigil.model.drift`)."""

    edges: list[float]  # ascending, between the bins; a value on an edge belongs to the bin above it
    shares: list[float]  # of the known values, a bin each: one more than the edges
    missing: float  # share of the rows without a value

    def __post_init__(self) -> None:
        if len(self.shares) != len(self.edges) + 1 or any(a > b for a, b in pairwise(self.edges)):
            raise ValueError("edges must ascend and have one share more than there are edges")


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Identity and interface of one model file."""

    name: str
    version: str
    file: str
    sha256: str
    opset: int
    schema: str
    features: list[str]
    scores: list[str]
    severity: dict[str, Bands]
    reference: dict[str, Reference]
    drift: dict[str, Distribution] = {}

    def check_interface(self, schema: str, features: Sequence[str], scores: Sequence[str]) -> None:
        """Raises `ModelError` unless it was trained on exactly the rows this core makes, and has bands of severity."""
        if list(self.features) != list(features) or self.schema != schema:
            raise ModelError(f"model {self.version} wants feature schema {self.schema}, the core makes {schema}")
        if list(self.scores) != list(scores):
            raise ModelError(f"model {self.version} answers {self.scores}, the core reads {list(scores)}")
        if missing := [name for name in BANDED if name not in self.severity]:
            raise ModelError(f"model {self.version}: severity: has no bands of {' and '.join(missing)}")


def read(model_file: Path) -> tuple[Manifest, bytes]:
    """The manifest beside `model_file` and the file's bytes, their digest checked. Raises `ModelError`."""
    path = model_file.parent / FILE_NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        graph = model_file.read_bytes()
    except OSError as error:
        raise ModelError(f"{error.filename}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {error}") from error
    if manifest.file != model_file.name:
        raise ModelError(f"{path} describes {manifest.file}, not {model_file.name}")
    digest = hashlib.sha256(graph).hexdigest()
    if digest != manifest.sha256:
        raise ModelError(f"{model_file.name} has sha256 {digest}, its manifest says {manifest.sha256}")
    return manifest, graph


def default_file(models: Path) -> Path:
    """The model file that the manifest in `models` names. Raises `ModelError`."""
    path = models / FILE_NAME
    try:
        return models / msgspec.json.decode(path.read_bytes(), type=Manifest).file
    except OSError as error:
        raise ModelError(f"{error.filename}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {error}") from error
