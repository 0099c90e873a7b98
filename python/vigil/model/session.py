"""One ONNX Runtime session: packed rows in, packed scores out.

The anomaly service and the offline replay both score through `Model`, so a recording scored offline
gives what it gave live. A row costs a fraction of a microsecond in a batch, and tens of microseconds alone.
"""

from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime

from vigil import core, paths
from vigil.model import manifest as manifests
from vigil.model.manifest import Manifest, ModelError

ROWS_MAX = 65_536
_FLOAT32 = np.dtype("<f4")
_WARM_UP_ROWS = (1, 64, 1024)
# Rows are padded to a whole number of vector lanes: no kernel then takes its tail path, and a row's scores
# are the same to the last bit in any batch.
_LANES = 16


class Scoring(Protocol):
    """What an engine's caller needs of a model."""

    @property
    def version(self) -> str:
        """What scored events name as their model."""

    def score(self, features: bytes, rows: int) -> bytes:
        """As `Model.score`."""


class Model:
    """A loaded model. `score` may be called from several threads at once."""

    def __init__(self, manifest: Manifest, graph: bytes, threads: int = 1) -> None:
        self.manifest = manifest
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # Idle threads must not burn the core that the pipeline needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises many classes, all meaning "not a usable graph"
            raise ModelError(f"{manifest.file}: {error}") from error
        self._columns, self._scores = len(manifest.features), len(manifest.scores)
        self._input, self._output = self._session.get_inputs()[0], self._session.get_outputs()[0]
        self._check_shape(self._input, self._columns)
        self._check_shape(self._output, self._scores)

    @property
    def version(self) -> str:
        """What scored events name as their model."""
        return self.manifest.version

    def score(self, features: bytes, rows: int) -> bytes:
        """Scores `rows` rows of float32 features, little endian, row major; NaN = missing.

        Returns rows × scores float32. NaN = not scorable (no sign of the row is usable), never 0.
        Raises `ModelError` when the length does not fit.
        """
        if rows < 0 or len(features) != rows * self._columns * _FLOAT32.itemsize:
            raise ModelError(f"{len(features)} bytes are not {rows} rows of {self._columns} float32")
        if rows == 0:
            return b""
        matrix = np.frombuffer(features, _FLOAT32).reshape(rows, self._columns)
        if rows % _LANES:
            padding = np.full((-rows % _LANES, self._columns), np.nan, _FLOAT32)
            matrix = np.concatenate([matrix, padding])
        scores = self._session.run([self._output.name], {self._input.name: matrix})[0]
        return np.ascontiguousarray(scores[:rows], _FLOAT32).tobytes()

    def warm_up(self) -> None:
        """Scores rows of each typical batch size once, so that the first caller does not pay for it."""
        for rows in _WARM_UP_ROWS:
            self.score(np.full((rows, self._columns), np.nan, _FLOAT32).tobytes(), rows)

    def _check_shape(self, tensor: onnxruntime.NodeArg, columns: int) -> None:
        if tensor.type != "tensor(float)" or len(tensor.shape) != 2 or tensor.shape[1] != columns:
            raise ModelError(
                f"{self.manifest.file}: {tensor.name} is {tensor.type} {tensor.shape}, not rows x {columns}"
            )


def load(model_file: str | Path = "", threads: int = 1) -> Model:
    """Loads `model_file` (empty = the shipped one), checked against its manifest and against the core's rows.

    Raises `ModelError` when a file is missing, altered, or made for other features.
    """
    path = Path(model_file) if model_file else manifests.default_file(paths.MODELS)
    manifest, graph = manifests.read(path)
    manifest.check_interface(core.feature_schema(), core.feature_names(), core.score_names())
    return Model(manifest, graph, threads)
