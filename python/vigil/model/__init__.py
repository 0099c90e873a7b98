"""The learned model: one ONNX file with its manifest, scored the same way live and offline."""

from vigil.model.manifest import Distribution, Manifest, ModelError
from vigil.model.session import Model, Scoring, load
from vigil.model.severity import Severity, severity_of

__all__ = ["Distribution", "Manifest", "Model", "ModelError", "Scoring", "Severity", "load", "severity_of"]
