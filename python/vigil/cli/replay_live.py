"""Live replay: registers, then sends; a device always in the same lane, so that its order holds."""

import asyncio
import time
import zlib
from collections.abc import Callable, Iterator

from rich.progress import Progress

from vigil.cli.console import bar
from vigil.clients.gateway import HttpTransport
from vigil.clients.registry import RegistryClient
from vigil.clients.sending import Sender
from vigil.offline import bodies, enrolment
from vigil.recordings import GatewayObservation, Recording, Stay, observations_by_time
from vigil.settings import Settings

LANES = 4
FLUSH_S = 0.05
"""When pacing, an observation waits at most this long for others that go to the same lane."""


def replay_live(recording: Recording, settings: Settings, speed: float | None) -> dict[str, object]:
    """Sends the recording; `speed` None = as fast as the gateway takes it. Returns the numbers of the run."""
    began = time.monotonic()
    with bar("sent", "rate") as progress:
        sender_summary = asyncio.run(_run(recording, settings, speed, progress))
    elapsed = time.monotonic() - began
    accepted = sender_summary["accepted"]
    assert isinstance(accepted, int)
    return {**sender_summary, "seconds": round(elapsed, 1), "observations_per_second": round(accepted / elapsed)}


async def _run(recording: Recording, settings: Settings, speed: float | None, progress: Progress) -> dict[str, object]:
    sender = Sender(HttpTransport(settings.http_url("telemetry-gateway"), LANES), LANES)
    task = progress.add_task("replay", total=None, sent="", rate="")
    began = time.monotonic()

    def show() -> None:
        accepted = sender.statistics.accepted
        progress.update(
            task, sent=f"{accepted:,} accepted", rate=f"{accepted / max(time.monotonic() - began, 0.1):,.0f}/s"
        )

    patients = 0
    with RegistryClient(settings.http_url("registry")) as registry:
        for stays in bodies.groups(recording):
            patients += len(stays)
            await asyncio.to_thread(_register, registry, stays)
            if speed is None:
                await _send_all(sender, bodies.of_stays(stays), show)
        if speed is not None:
            await _send_paced(sender, recording, speed, show)
    await sender.finish()
    show()
    sent = sender.statistics
    return {
        "recording": recording.name,
        "patients": patients,
        "accepted": sent.accepted,
        "rejected": sent.rejected,
        "unsent": sent.unsent,
        "retried_bodies": sent.retried,
        **({"problems": sent.problems} if sent.problems else {}),
    }


def _register(registry: RegistryClient, stays: list[Stay]) -> None:
    registry.register(
        (enrolment.patient_body(stay.patient) for stay in stays if stay.patient),
        (enrolment.device_body(stay) for stay in stays),
        (link for stay in stays if (link := enrolment.link_body(stay))),
    )


def lane_of(observation: GatewayObservation) -> int:
    """The lane of a device."""
    return zlib.crc32(str(observation["deviceId"]).encode()) % LANES


class _Lanes:
    """Observations waiting per lane until a body is full."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._held: list[list[GatewayObservation]] = [[] for _ in range(LANES)]

    async def add(self, observation: GatewayObservation) -> None:
        lane = lane_of(observation)
        self._held[lane].append(observation)
        if len(self._held[lane]) >= bodies.PER_BODY:
            await self._flush(lane)

    async def flush(self) -> None:
        for lane in range(LANES):
            await self._flush(lane)

    async def _flush(self, lane: int) -> None:
        if held := self._held[lane]:
            await self._sender.submit(lane, bodies.encode(held), len(held))
            self._held[lane] = []


async def _send_all(sender: Sender, observations: Iterator[GatewayObservation], show: Callable[[], None]) -> None:
    lanes = _Lanes(sender)
    for number, observation in enumerate(observations):
        await lanes.add(observation)
        if number % bodies.PER_BODY == 0:
            show()
    await lanes.flush()
    show()


async def _send_paced(sender: Sender, recording: Recording, speed: float, show: Callable[[], None]) -> None:
    lanes = _Lanes(sender)
    began, first_us = time.monotonic(), None
    flushed = began
    for time_us, observation in observations_by_time(recording):
        first_us = time_us if first_us is None else first_us
        due = began + (time_us - first_us) / 1e6 / speed
        while (ahead := due - time.monotonic()) > 0:
            await lanes.flush()
            show()
            await asyncio.sleep(min(ahead, 0.5))
        await lanes.add(observation)
        if time.monotonic() - flushed > FLUSH_S:
            await lanes.flush()
            flushed = time.monotonic()
            show()
    await lanes.flush()
