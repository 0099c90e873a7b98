"""Values as one line of text: `▁▂▄▇█`, a column each or the mean of several; a blank is a time without a value."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[tuple[int, float]], start_us: int, end_us: int, width: int = 60) -> str:
    """The values between `start_us` and `end_us` (event time, value) in `width` columns of equal time."""
    span = max(end_us - start_us, 1)
    columns: list[list[float]] = [[] for _ in range(width)]
    for at_us, value in values:
        if start_us <= at_us <= end_us:
            columns[min((at_us - start_us) * width // span, width - 1)].append(value)
    means = [sum(column) / len(column) if column else None for column in columns]
    shown = [mean for mean in means if mean is not None]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(" " if mean is None else _BARS[round((mean - low) * scale)] for mean in means)
