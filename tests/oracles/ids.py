"""Ids as the ADR on ids states them, with another XXH3 implementation than the core's."""

import xxhash


def derive_stage(source: bytes, stage: str) -> bytes:
    """The id of the event that `stage` makes of `source`: XXH3-128 over both, stamped as a UUID of version 8."""
    made = bytearray(xxhash.xxh3_128_digest(source + stage.encode()))
    made[6] = made[6] & 0x0F | 0x80
    made[8] = made[8] & 0x3F | 0x80
    return bytes(made)


def derive(domain: str, parts: list[bytes]) -> bytes:
    """The id of `parts` in `domain`: each preceded by its length as four little-endian bytes."""
    content = b"".join(len(part).to_bytes(4, "little") + part for part in [domain.encode(), *parts])
    made = bytearray(xxhash.xxh3_128_digest(content))
    made[6] = made[6] & 0x0F | 0x80
    made[8] = made[8] & 0x3F | 0x80
    return bytes(made)


def partition_of(key: str, partitions: int) -> int:
    """The partition of a device or patient."""
    return xxhash.xxh3_64_intdigest(key.encode()) % partitions


def subject_key(patient: str, device: str) -> int:
    """The key of a subject: subjects of a partition go in the order of their keys."""
    return xxhash.xxh3_128_intdigest(patient.encode()) if patient else xxhash.xxh3_128_intdigest(device.encode(), 1)


def name_key(name: str) -> int:
    """The key of a device: devices of a subject go in the order of their keys."""
    return xxhash.xxh3_64_intdigest(name.encode())
