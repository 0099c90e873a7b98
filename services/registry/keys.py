"""Keys of devices and hubs: shown once, kept as SHA-256 only."""

import hashlib
import secrets


def new_key() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def digest(key: str) -> bytes:
    """What is kept and compared. A key is random and long: a plain SHA-256 is enough, and cheap at the gateway."""
    return hashlib.sha256(key.encode()).digest()
