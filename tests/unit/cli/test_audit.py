"""What the ledger calls a difference, and what exit code follows."""

import pytest

from vigil.cli import audit

GOOD = {stage: dict.fromkeys(("records", "observations", "distinct", "duplicates", "missing", "invented", "unreadable"), 0) for stage in audit.STAGES}  # fmt: skip  # noqa: E501


def report(stage: str = "raw", **counts: int) -> audit.Report:
    return {name: {**values, **(counts if name == stage else {})} for name, values in GOOD.items()}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [({}, 0), ({"duplicates": 5}, 0), ({"missing": 2}, 2), ({"invented": 3}, 3), ({"unreadable": 1}, 1)],
)
def test_repetitions_are_no_difference_but_losses_are(counts: dict[str, int], expected: int) -> None:
    assert audit.difference(report("scored", **counts)) == expected


def test_a_log_without_its_beginning_cannot_show_inventions() -> None:
    assert audit.difference(report("scored", invented=3, missing=1), trimmed=True) == 1
