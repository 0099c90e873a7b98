"""A period of event time, [from, to), open where it is not given."""

from dataclasses import dataclass
from typing import Any

from vigil.scalars import time_text

_EVER = (-(2**62), 2**62)


@dataclass(frozen=True)
class Period:
    """Microseconds since the epoch; open ends are as far as it goes."""

    start_us: int = _EVER[0]
    end_us: int = _EVER[1]

    def over(self, unit_us: int) -> tuple[int, int]:
        """The first unit that starts in the period, and the first that starts after it."""
        return -(-self.start_us // unit_us), -(-self.end_us // unit_us)

    @property
    def shown(self) -> dict[str, Any]:
        """Its JSON form; null is open."""
        return {
            "from": None if self.start_us == _EVER[0] else time_text(self.start_us),
            "to": None if self.end_us == _EVER[1] else time_text(self.end_us),
        }
