"""Request bodies: arrays of observations as devices send them, with their timestamps left open."""

from dataclasses import dataclass

PLACEHOLDER = b"1000000000000"


@dataclass(frozen=True)
class Fleet:
    """Simulated devices, `per_body` of them in each request. The first device of every `canary_every`th body
    is a canary: it alternates between asystole and normal, so that each of its observations makes an alert."""

    devices: int
    per_body: int = 500
    canary_every: int = 10

    @property
    def bodies(self) -> int:
        """Distinct requests; each device is in one of them."""
        return max(1, self.devices // self.per_body)

    def device_ids(self) -> list[str]:
        """Every device."""
        return [f"bench-{i:07d}" for i in range(self.bodies * self.per_body)]

    def canaries(self) -> set[str]:
        """The devices that alarm."""
        return {f"bench-{k * self.per_body:07d}" for k in range(0, self.bodies, self.canary_every)}

    def templates(self) -> list[tuple[bytes, bytes]]:
        """Per body its two variants (canary in asystole, canary normal)."""
        out = []
        for k in range(self.bodies):
            rest = [_observation(k * self.per_body + i) for i in range(1, self.per_body)]
            variants = []
            for heart_rate in (0, 72):
                first = _observation(k * self.per_body, heart_rate if k % self.canary_every == 0 else None)
                variants.append(b"[" + b",".join([first, *rest]) + b"]")
            out.append((variants[0], variants[1]))
        return out


def _observation(i: int, heart_rate: int | None = None) -> bytes:
    hr = 62 + i % 30 if heart_rate is None else heart_rate
    return (
        f'{{"deviceId":"bench-{i:07d}","timestamp":{PLACEHOLDER.decode()},"metrics":{{"hr":{hr},"spo2":{95 + i % 5},'
        f'"rr":{13 + i % 6},"temp":{36.5 + i % 10 / 10:.1f},"sbp":{112 + i % 25},"dbp":{68 + i % 15}}}}}'
    ).encode()


def stamped(template: bytes, time_ms: int) -> bytes:
    """The body at a time."""
    return template.replace(PLACEHOLDER, b"%013d" % time_ms)
