"""Chaos tests use the `platform`."""

from tests.support.fixtures import platform

__all__ = ["platform"]
