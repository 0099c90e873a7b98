"""What training and its report say while they work: a line a step, and on a terminal a bar below them."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from rich.progress import Progress

from vigil.cli.console import bar, err, say

Told = Callable[[str, int, int], None]
"""What is being done, how much of it is, and of how much in all (0 = not known). Of one thing after the other."""
_Item = TypeVar("_Item")


def quiet(_doing: str, _done: int, _of: int) -> None:
    """Says nothing."""


def within(told: Told, name: str) -> Told:
    """The same, with what it is a part of before it."""
    return lambda doing, done, of: told(f"{name}: {doing}", done, of)


def counted(items: Iterable[_Item], told: Told, doing: str, of: int = 0) -> Iterator[_Item]:
    """The items, each told when whoever takes them is through with it."""
    told(doing, 0, of)
    for done, item in enumerate(items, start=1):
        yield item
        told(doing, done, of)


@contextmanager
def shown() -> Iterator[Told]:
    """Prints to stderr."""
    began, doing = time.monotonic(), ""
    with ExitStack() as stack:
        live = stack.enter_context(bar("done")) if err.is_terminal else None

        def told(what: str, done: int, of: int) -> None:
            nonlocal doing
            if what != doing:
                doing = what
                say(f"{time.monotonic() - began:.0f} s: {what}{f', {of:,}' if of else ''}")
                if live:
                    _clear(live)
                    live.add_task(what, total=of or None, done="")
            if live:
                live.update(live.task_ids[0], completed=done, done=f"{done:,}" if done else "")

        yield told
        if live:
            _clear(live)


def _clear(live: Progress) -> None:
    for task in live.task_ids:
        live.remove_task(task)
