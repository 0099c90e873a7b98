"""Why a sign's score is what it is, in words a nurse can check against the chart."""

import math

from vigil.model.manifest import Manifest, Reference

UNITS = {
    "heart_rate": "/min",
    "systolic": "mmHg",
    "diastolic": "mmHg",
    "temperature": "°C",
    "spo2": "%",
    "respiratory_rate": "/min",
}
UNUSUAL = 0.95


MOVES_RISK = 0.25  # of the logit: the odds by more than a quarter
"""From here on a contribution is a factor."""


def explain(
    manifest: Manifest, sign: str, value: float, score: float, points: int | None, contribution: float | None = None
) -> tuple[list[str], str]:
    """Factors (bounded words) and one sentence, for a score of `sign`.

    `contribution` is what the sign adds to the logit of the risk; None where that is not known.
    """
    reference = manifest.reference.get(sign)
    factors = [place] if reference and (place := _place(reference, value)) else []
    if score >= UNUSUAL and not factors:
        factors.append("unusual_given_other_signs")
    if points:
        factors.append(f"news2_{points}")
    if contribution is not None and abs(contribution) >= MOVES_RISK:
        factors.append("raises_risk" if contribution > 0 else "lowers_risk")
    text = f"{value:g} {UNITS[sign]}: more unusual than {100 * score:.1f} % of the training observations"
    if reference:
        text += f"; 5th to 95th percentile there {reference.p05:g} … {reference.p95:g} {UNITS[sign]}"
    if points is not None:
        text += f"; NEWS2 {points}"
    if contribution is not None:
        text += f"; multiplies the odds of deterioration by {math.exp(contribution):.2f}"
    return factors, text


def _place(reference: Reference, value: float) -> str | None:
    if value < reference.p01:
        return "below_1st_percentile"
    if value < reference.p05:
        return "below_5th_percentile"
    if value > reference.p99:
        return "above_99th_percentile"
    return "above_95th_percentile" if value > reference.p95 else None
