"""Who is told: the roles that an alarm's ladder names, as a channel's recipients."""

from collections.abc import Iterable, Mapping

DEFAULT = ""
"""The role of whoever is told when a ladder names nobody."""


def recipients(roles: Iterable[str], named: Mapping[str, str], default: str) -> list[str]:
    """The recipients of `roles`, each once; a role that is not named has the default ones.

    Recipients are separated by commas, in `named` and in `default`."""
    texts = [named.get(role) or default for role in roles] or [default]
    names = (name.strip() for text in texts for name in text.split(","))
    return list(dict.fromkeys(name for name in names if name))
