"""The calibration plot of the model card, as SVG without a library."""

from collections.abc import Sequence

SIZE, EDGE = 360, 44


def calibration(bins: Sequence[Sequence[float]]) -> str:
    """Share of labels over mean risk, a point for each part of the rows; on the line is right."""
    most = max(max(risk, share) for risk, share, *_ in bins) * 1.1

    def at(risk: float, share: float) -> tuple[float, float]:
        span = SIZE - 2 * EDGE
        return EDGE + risk / most * span, SIZE - EDGE - share / most * span

    points = [at(risk, share) for risk, share, *_ in bins]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#1f5f8b"/>' for x, y in points)
    (left, bottom), (right, top) = at(0, 0), at(most, most)
    ticks = "".join(
        f'<text x="{at(value, 0)[0]:.1f}" y="{bottom + 16}" text-anchor="middle">{value:.2f}</text>'
        f'<text x="{left - 6}" y="{at(0, value)[1] + 4:.1f}" text-anchor="end">{value:.2f}</text>'
        for value in (0.0, most / 2, most)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" font-family="sans-serif" font-size="11" '
        'role="img" aria-label="Calibration: labelled share over mean risk, tenths of the test rows">'
        f'<rect width="{SIZE}" height="{SIZE}" fill="#fff"/>'
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#333"/>'
        f'<path d="M{left} {bottom}L{right} {top}" stroke="#999" stroke-dasharray="4 3"/>'
        f'<polyline points="{path}" fill="none" stroke="#1f5f8b"/>{dots}{ticks}'
        f'<text x="{SIZE / 2}" y="{SIZE - 8}" text-anchor="middle">mean risk</text>'
        f'<text x="12" y="{SIZE / 2}" text-anchor="middle" transform="rotate(-90 12 {SIZE / 2})">labelled share</text>'
        "</svg>\n"
    )
