"""A recording as request bodies: the same bytes live and offline, because ids derive from content."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from vigil.recordings import GatewayObservation, Recording, Stay

STAYS_AT_ONCE = 200
PER_BODY = 500

encode = msgspec.json.Encoder().encode


def groups(recording: Recording) -> Iterator[list[Stay]]:
    """The stays in portions that fit in memory."""
    stays = recording.stays()
    while portion := list(islice(stays, STAYS_AT_ONCE)):
        yield portion


def bodies(observations: Iterable[GatewayObservation], per_body: int = PER_BODY) -> Iterator[tuple[bytes, int]]:
    """Array bodies with their number of observations."""
    stream = iter(observations)
    while part := list(islice(stream, per_body)):
        yield encode(part), len(part)


def of_stays(stays: Sequence[Stay]) -> Iterator[GatewayObservation]:
    """The observations of the stays, one stay after the other."""
    for stay in stays:
        yield from stay.observations
