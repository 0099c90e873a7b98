"""The only door to the Rust core: everything else imports from here."""

from vigil._core import *  # noqa: F403
