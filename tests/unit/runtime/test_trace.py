"""A trace id is taken from a valid traceparent only."""

import pytest

from vigil.runtime.trace import trace_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_valid_traceparent_is_taken() -> None:
    assert trace_id_of(f"00-{TRACE}-00f067aa0ba902b7-01") == TRACE
    assert trace_id_of(f"01-{TRACE}-00f067aa0ba902b7-01-more") == TRACE


@pytest.mark.parametrize(
    "text",
    [
        None, "", "x", f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-00f067aa0ba902b7-01", f"00-{TRACE}-00f067aa0ba902b7",
    ],
)  # fmt: skip
def test_anything_else_gets_a_new_one(text: str | None) -> None:
    made = trace_id_of(text)
    assert len(made) == 32
    assert made != TRACE
    assert trace_id_of(text) != made
