"""Writes docs/vocabulary.md from the core's vocabulary. `--check` only compares."""

import sys
from pathlib import Path

from vigil.core import vocabulary

PATH = Path(__file__).resolve().parent.parent / "docs" / "vocabulary.md"
HEAD = """# Vocabulary

Generated from the core by `scripts/vocabulary_doc.py`; the table itself, with its sources, is
`rust/vigil-core/src/vocabulary/table.rs`, the units and conversions are `rust/vigil-core/src/units.rs`.

A metric's name may be a sign's field name, one of its aliases, or a code as `loinc:8867-4` or `mdc:147842`; case,
blanks, `_`, `-` and `.` do not matter. `bp` and `nibp` (and `abp`, `ibp`, `art` for the arterial ones) take
`120/80`, `120/80/93` or `120/80 (93)`. Unknown names are kept as unmapped. A value outside the plausible range is kept,
flagged and not evaluated; what a zero means is told in
[ADR 0008](adr/0008-zero-is-an-asystole-until-the-sensor-is-known-to-be-off.md).

| sign | unit | plausible | LOINC | IEEE 11073 MDC | aliases |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = []
    for entry in vocabulary():
        cells: list[str] = []
        for key in ("loinc", "mdc", "aliases"):
            values = entry[key]
            assert isinstance(values, list)
            cells.append(", ".join(str(value) for value in values) or "–")
        plausible = f"{entry['plausible_low']:g} … {entry['plausible_high']:g}"
        rows.append(f"| `{entry['field']}` | {entry['unit']} | {plausible} | {' | '.join(cells)} |\n")
    return HEAD + "".join(rows)


def main() -> int:
    """Writes the page, or with `--check` returns 1 when it differs."""
    if "--check" in sys.argv:
        return int(not PATH.exists() or PATH.read_text() != page())
    PATH.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
