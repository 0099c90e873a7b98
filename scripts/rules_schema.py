"""Writes rules/schema.json, the JSON Schema of rule files, from the core. `--check` only compares."""

import sys
from pathlib import Path

from vigil.core import rules_schema

PATH = Path(__file__).resolve().parent.parent / "rules" / "schema.json"


def main() -> int:
    """Writes the file, or with `--check` returns 1 when it differs."""
    if "--check" in sys.argv:
        return int(not PATH.exists() or PATH.read_bytes() != rules_schema())
    PATH.write_bytes(rules_schema())
    return 0


if __name__ == "__main__":
    sys.exit(main())
