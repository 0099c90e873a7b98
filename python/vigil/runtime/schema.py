"""What bodies and queries are made of: strict, bounded, nothing unknown, every wrong field named.

JSON names are camelCase; snake_case is understood too. Unknown names are refused. Numbers are numbers (no
`true`, no "7"), texts hold no NUL and no control characters, times carry an offset.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from vigil.runtime.problem import FieldError

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


class Body(BaseModel):
    """A request's or an answer's JSON object."""

    model_config = ConfigDict(
        strict=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False
    )


class Parameters(BaseModel):
    """A route's query parameters: texts that are parsed, nothing unknown."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False)


def _text(value: Any) -> Any:
    if isinstance(value, str) and _FORBIDDEN.search(value):
        raise PydanticCustomError("invalid_text", "control characters and lone surrogates are not allowed")
    return value


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value
    else:
        if not isinstance(value, str):
            raise PydanticCustomError("wrong_type", "an ISO 8601 time with an offset is wanted")
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("invalid_timestamp", "not an ISO 8601 time with an offset") from None
    if moment.tzinfo is None:
        raise PydanticCustomError("invalid_timestamp", "the time has no offset (as in 2026-03-01T08:00:00Z)")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = _LATEST
    if not _EARLIEST <= moment < _LATEST:
        raise PydanticCustomError("timestamp_out_of_range", "the time lies outside the years 1900 to 2098")
    return moment


def _day(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, date):
        return value
    raise PydanticCustomError("invalid_timestamp", "not a date (YYYY-MM-DD)")


def _scalar(value: Any) -> Any:
    if isinstance(value, bool | int):
        if not isinstance(value, bool) and abs(value) > 1 << 53:
            raise PydanticCustomError("out_of_range", "an integer beyond 2**53; send it as text")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise PydanticCustomError("not_finite", "the number is not finite")
        return value
    if isinstance(value, str):
        if len(value) > 1000:
            raise PydanticCustomError("invalid_text", "longer than 1000 characters")
        return _text(value)
    raise PydanticCustomError("wrong_type", "a text, a number or a boolean is wanted")


_CLEAN = BeforeValidator(_text)
Identifier = Annotated[str, _CLEAN, StringConstraints(pattern=r"^[^\s/]([^/\n\r\t]{0,126}[^\s/])?$", max_length=128)]
"""An entity's id: 1 to 128 characters, no slash, no blank at either end."""
Name = Annotated[str, _CLEAN, StringConstraints(min_length=1, max_length=200)]
Note = Annotated[str, _CLEAN, StringConstraints(min_length=1, max_length=2000)]
Wanted = Annotated[str, _CLEAN, StringConstraints(max_length=200)]
"""A query parameter's text."""
Names = Annotated[list[Name], Field(max_length=200)]
Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A point in time, UTC; ISO 8601 with an offset in JSON."""
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
_SCALAR_SCHEMA = {"anyOf": [{"type": t} for t in ("string", "number", "boolean")]}
Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema(_SCALAR_SCHEMA)]
Metadata = Annotated[dict[Name, Scalar], Field(max_length=100)]
"""A person's own notes about an entity: names with texts, numbers or booleans."""

ITEMS_MAX = 100_000
_T = TypeVar("_T")
OneOrMany = Annotated[
    Annotated[_T, Tag("one")] | Annotated[list[_T], Field(min_length=1, max_length=ITEMS_MAX), Tag("many")],
    Discriminator(lambda value: "many" if isinstance(value, list) else "one"),
]
"""A body that may be one object or an array of them; the errors of an array name the item: `[3].age`."""


_M = TypeVar("_M", bound=Body)


def apply_change(model: type[_M], former: dict[str, Any], change: dict[str, Any]) -> _M:
    """`former` (JSON names, JSON values) with `change` laid over it, as a checked body.

    Raises `RequestValidationError`, naming every wrong field, when the whole does not hold.
    """
    names = {to_camel(name): field.alias or to_camel(name) for name, field in model.model_fields.items()}
    names |= {name: field.alias or to_camel(name) for name, field in model.model_fields.items()}
    given = {names.get(name, name): value for name, value in change.items()}
    # A null takes a value away: the field's default stands again.
    whole = {name: value for name, value in (former | given).items() if value is not None}
    try:
        return model.model_validate(whole)
    except ValidationError as error:
        located = [{**found, "loc": ("body", *found["loc"])} for found in error.errors()]
        raise RequestValidationError(located) from error


class Page(Parameters):
    """Which part of a list."""

    page: int = Field(1, ge=1, le=1_000_000, description="from 1")
    limit: int = Field(50, ge=1, le=1000, description="items of a page")

    @property
    def offset(self) -> int:
        """Items before this page."""
        return (self.page - 1) * self.limit

    def of(self, items: Sequence[Any], total: int) -> dict[str, Any]:
        """The list's JSON form."""
        return {"items": items, "total": total, "page": self.page, "limit": self.limit}


_CODES = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "finite_number": "not_finite",
    "literal_error": "invalid_value",
    "enum": "invalid_value",
    "value_error": "invalid_value",
}
_OWN = {
    "invalid_text", "invalid_timestamp", "timestamp_out_of_range", "wrong_type", "out_of_range", "not_finite",
    "invalid_value", "missing_field",
}  # fmt: skip


def field_errors(found: Sequence[Any]) -> list[FieldError]:
    """Pydantic's errors as ours."""
    return [
        FieldError(path(error["loc"]), _code(str(error["type"]), error.get("input")), str(error["msg"]))
        for error in found
    ]


def _code(kind: str, value: Any) -> str:
    if kind in _OWN:
        return kind
    if isinstance(value, str) and kind in ("too_short", "too_long"):
        return "invalid_text"
    if kind in _CODES:
        return _CODES[kind]
    if kind.startswith(("greater_", "less_", "too_", "multiple_")) or kind == "int_parsing_size":
        return "out_of_range"
    if kind.startswith("string_") and kind != "string_type":
        return "invalid_text"
    return "wrong_type" if kind.endswith(("_type", "_parsing", "_from_float")) else "invalid_value"


def path(location: Sequence[int | str]) -> str:
    """Where it is, as one would write it: `[3].limits.heartRate.low`."""
    parts = [p for p in location if p not in ("one", "many", "[key]")][1:]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")
