"""Why a rule file is refused, in parts: what the rules engine, its REST edge and `vigil rules` say of one."""

import re
from typing import NamedTuple

from vigil.core import CoreError

_PLACE = re.compile(r"^(?:.*?:)??(?P<line>\d+): (?P<message>.*)$", re.S)
_HINT = re.compile(r"; (?P<hint>[^;]+)$", re.S)


class RuleProblem(NamedTuple):
    """Why a rule file is refused. `line` is None where the problem has no line."""

    file: str
    line: int | None
    field: str
    message: str
    hint: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field + ': ' if self.field else ''}{self.message}"


class Refusal(Exception):
    """The file does not even hold a text."""

    def __init__(self, problem: RuleProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def problem_of(error: CoreError, file: str) -> RuleProblem:
    """What the core says of a rule file, in its parts."""
    _, field, text = (str(part) for part in error.args)
    place = _PLACE.match(text.removeprefix(f"{file}:"))  # whatever the file is called
    message = place["message"] if place else text
    hint = _HINT.search(message)
    return RuleProblem(file, int(place["line"]) if place else None, field, message, hint["hint"] if hint else "")


def decoded(content: bytes, file: str) -> str:
    """The text of a rule file. Raises `Refusal` with the line that is none."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Refusal(RuleProblem(file, line, "", "is not UTF-8", "")) from error
