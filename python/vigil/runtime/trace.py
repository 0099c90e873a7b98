"""W3C trace context at the edges: a request's trace id is taken from `traceparent`, or made."""

import re
import uuid

_TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$")


def trace_id_of(traceparent: str | None) -> str:
    """The 32 hex digits of a valid `traceparent`; a new random id for an absent or wrong one."""
    found = _TRACEPARENT.match(traceparent.strip()) if traceparent else None
    if found and int(found[1], 16) and int(found[2], 16):
        return found[1]
    return uuid.uuid4().hex
