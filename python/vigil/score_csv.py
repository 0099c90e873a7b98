"""Scores a table: which column is which input, and a row's cells as a score's arguments."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vigil import scores
from vigil.core import vocabulary
from vigil.errors import VigilError
from vigil.scores import Score

SCORES: dict[str, Callable[..., Score]] = {
    "news2": scores.news2,
    "mews": scores.mews,
    "qsofa": scores.qsofa,
    "sirs": scores.sirs,
    "shock_index": scores.shock_index,
    "pews": scores.pews,
}
OUTPUT = ("total", "partial", "missing", "risk")
NOT_APPLICABLE = "not-applicable"

_MORE_ALIASES = {
    "on_oxygen": ("oxygen", "supplemental_oxygen", "oxygen_therapy"),
    "spo2_scale": ("scale",),
    "temperature": ("temp_c", "temperature_c"),
    "age_years": ("age",),
    "age_months": (),
    "pregnant": ("pregnancy",),
    "capillary_refill": ("crt", "capillary_refill_time"),
    "respiratory_effort": ("effort", "work_of_breathing"),
    "white_cell_count": ("wbc", "wcc", "white_blood_cells"),
}
_STANDS_IN = {"heart_rate": "pulse_rate"}
"""A column that is read where the first is absent: the charts say pulse."""
_OPTIONAL = {"spo2_scale", "age_years", "age_months", "pregnant", "o2_flow", "fio2"}
"""Inputs whose column may be absent without the score being partial."""
_TRUTHS = {"on_oxygen", "pregnant"}
_TEXTS = {"consciousness", "respiratory_effort"}
_EMPTY = {"", "na", "n/a", "nan", "null", "none", "-", "–", "?"}
_YES, _NO = {"1", "1.0", "true", "t", "yes", "y"}, {"0", "0.0", "false", "f", "no", "n"}
_LEVELS = {"alert": "A", "confusion": "C", "confused": "C", "voice": "V", "verbal": "V", "pain": "P"}
_LEVELS |= {"unresponsive": "U", **{letter.lower(): letter for letter in "ACVPU"}}
_LEVELS |= {str(value): letter for value, letter in enumerate("ACVPU")}


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c not in " _-.\t")


def _aliases() -> dict[str, str]:
    known: dict[str, str] = {}
    for entry in vocabulary():
        names = entry["aliases"]
        assert isinstance(names, list)
        known |= {_plain(str(name)): str(entry["field"]) for name in (entry["field"], *names)}
    for name, more in _MORE_ALIASES.items():
        known |= {_plain(alias): name for alias in (name, *more)}
    return known


@dataclass
class Columns:
    """Which column of the table is which input."""

    used: dict[str, int]
    """Input → index of its column."""
    unknown: list[str]
    """Columns that no score could read."""
    other: list[str]
    """Columns that are known, but not this score's."""
    absent: list[str]
    """Inputs without a column: every row is partial."""
    stand_ins: dict[str, str]
    """Input → column that is read instead."""


def columns(score: str, header: Sequence[str]) -> Columns:
    """Maps a header. Raises `VigilError` when two columns are the same input, or none is one."""
    wanted = [name for name in inspect.signature(SCORES[score]).parameters if name != "table"]
    known = _aliases()
    found: dict[str, int] = {}
    unknown = []
    for index, title in enumerate(header):
        name = known.get(_plain(title))
        if name is None:
            unknown.append(title)
        elif name in found:
            raise VigilError("duplicate_key", name, f"columns '{header[found[name]]}' and '{title}' are both {name}")
        else:
            found[name] = index
    stand_ins = {w: header[found[s]] for w, s in _STANDS_IN.items() if w in wanted and w not in found and s in found}
    used = {name: found[name] for name in wanted if name in found}
    used |= {name: found[_STANDS_IN[name]] for name in stand_ins}
    if not used:
        raise VigilError("missing_field", "header", f"no column is an input of {score}: {', '.join(wanted)}")
    other = [header[i] for name, i in found.items() if i not in used.values()]
    optional = set(_OPTIONAL)
    if score == "pews":
        optional |= {"on_oxygen"} if used.keys() & {"o2_flow", "fio2"} else set()
        optional -= set() if "age_months" in used else {"age_years"}
    absent = [name for name in wanted if name not in used and name not in optional]
    return Columns(used, unknown, other, absent, stand_ins)


@dataclass
class Scorer:
    """Scores rows, and counts what could not be read. Such a cell is missing in its row, never a guess."""

    score: str
    columns: Columns
    table: scores.PewsTable | None = None
    rows: int = 0
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    """(input, error code) → how many cells."""
    first: dict[tuple[str, str], str] = field(default_factory=dict)
    """(input, error code) → the first such cell."""

    def row(self, cells: Sequence[str], line: int) -> tuple[str, str, str, str]:
        """total, partial, missing, risk of a row."""
        self.rows += 1
        given: dict[str, Any] = {"table": self.table} if self.table else {}
        refused: list[VigilError] = []
        for name, index in self.columns.used.items():
            try:
                value = argument(name, cells[index])
            except VigilError as error:
                refused.append(error)
            else:
                given |= {} if value is None else {name: value}
        scored = self._scored(given, refused)
        for refusal in refused:
            self._count(refusal, cells, line)
        if scored is None:
            return "", "", "", NOT_APPLICABLE
        total = "" if scored.total is None else f"{scored.total:g}"
        return total, str(scored.partial).lower(), " ".join(scored.missing), scored.risk

    def _scored(self, given: dict[str, Any], refused: list[VigilError]) -> Score | None:
        """The score without the inputs it refuses; None where it does not apply."""
        while True:
            if any(refusal.field == "spo2_scale" for refusal in refused):
                given.pop("spo2", None)  # which scale is meant is unknown
            try:
                return SCORES[self.score](**given)
            except VigilError as error:
                if error.code == "not_applicable":
                    return None
                if error.field not in given:
                    raise
                refused.append(error)
                del given[error.field]

    def _count(self, error: VigilError, cells: Sequence[str], line: int) -> None:
        key = (error.field, error.code)
        self.refused[key] = self.refused.get(key, 0) + 1
        self.first.setdefault(key, f"line {line}: '{cells[self.columns.used[error.field]]}'")


def argument(name: str, cell: str) -> object:
    """A cell as the argument `name`; None when it is empty. Raises `VigilError` when it cannot be read."""
    word = cell.strip().lower()
    if word in _EMPTY:
        return None
    if name in _TRUTHS:
        if word in _YES or word in _NO:
            return word in _YES
        raise VigilError("wrong_type", name, "1, 0, true, false, yes or no is needed")
    if name == "consciousness":
        level = _LEVELS.get(word.removesuffix(".0"))
        if level is None:
            raise VigilError("invalid_text", name, "one of A, C, V, P, U is needed")
        return level
    if name in _TEXTS:
        return word
    try:
        read = float(word) if "_" not in word else None
    except ValueError:
        read = None
    if read is None:
        raise VigilError("wrong_type", name, "a number is needed")
    return int(read) if name == "spo2_scale" and read in (0.0, 1.0, 2.0) else read
