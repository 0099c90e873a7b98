"""The one exception of Vigil's Python side. The core's errors are mapped to it here, once, by the core's own table."""

from collections.abc import Iterator
from contextlib import contextmanager

from vigil.core import CoreError, error_table

HTTP_STATUS: dict[str, int] = {code: status for code, status, _ in error_table()}
"""HTTP status by error code, for every code the core knows."""


class VigilError(Exception):
    """Something that Vigil refuses, or cannot do: a bounded `code`, the `field` it is about and a sentence."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(f"{code} at {field}: {message}" if field else f"{code}: {message}")
        self.code, self.field, self.message = code, field, message

    @property
    def http_status(self) -> int:
        """The status this is answered with at an HTTP edge."""
        return HTTP_STATUS[self.code]


def from_core(error: CoreError) -> VigilError:
    """The core's error as ours. One that the table does not list is a defect, and says so."""
    code, field, message = error.args
    if code not in HTTP_STATUS:
        return VigilError("internal", field, f"unlisted error code {code}: {message}")
    return VigilError(code, field, message)


@contextmanager
def mapped() -> Iterator[None]:
    """Raises the core's errors as `VigilError`."""
    try:
        yield
    except CoreError as error:
        raise from_core(error) from error
