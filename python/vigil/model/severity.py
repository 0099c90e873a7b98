"""From a score to the one severity scale."""

import enum

from vigil.model.manifest import Manifest


class Severity(enum.IntEnum):
    """The severities of `vigil.v1.Severity`, in order; `word` is how the edges spell them."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """low, medium, high or critical."""
        return self.name.lower()


def severity_of(manifest: Manifest, score: str, value: float) -> Severity:
    """The severity of `value` of the score `score` ("risk"; everything else is banded as "anomaly")."""
    bands = manifest.severity["risk" if score == "risk" else "anomaly"]
    if value >= bands.critical:
        return Severity.CRITICAL
    if value >= bands.high:
        return Severity.HIGH
    return Severity.MEDIUM if value >= bands.medium else Severity.LOW
