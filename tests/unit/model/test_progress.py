"""What training says while it works; and that saying it changes nothing."""

import io

import pytest
from rich.console import Console

from models import progress, train
from tests.unit.model import synthetic
from vigil.cli import console


def work(told: progress.Told) -> None:
    """Two steps: one counted, one of which nobody knows how long it is."""
    assert list(progress.counted("abc", told, "reading", 3)) == ["a", "b", "c"]
    progress.within(told, "fitting")("trees", 0, 0)


def printed(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    into = io.StringIO()
    made = Console(file=into, force_terminal=terminal, width=100, color_system=None)
    monkeypatch.setattr(progress, "err", made)
    monkeypatch.setattr(console, "err", made)
    with progress.shown() as told:
        work(told)
    return into.getvalue()


def test_without_a_terminal_there_is_a_plain_line_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, terminal=False) == "· 0 s: reading, 3\n· 0 s: fitting: trees\n"


def test_on_a_terminal_there_is_a_bar_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = printed(monkeypatch, terminal=True)
    assert "· 0 s: reading, 3" in made
    assert "━" in made


def test_every_item_is_told_when_it_is_done() -> None:
    heard: list[tuple[str, int, int]] = []
    counted = progress.counted("ab", lambda *what: heard.append(what), "letters", 2)
    assert heard == []
    assert next(counted) == "a"
    assert heard == [("letters", 0, 2)]
    assert [*counted] == ["b"]
    assert heard == [("letters", 0, 2), ("letters", 1, 2), ("letters", 2, 2)]


def test_training_tells_every_teacher_network_and_sign_and_makes_the_same_bytes() -> None:
    data, heard = synthetic.dataset(), dict[str, tuple[int, int]]()
    stays = synthetic.dataset(patients=40, hours=20, seed=9)
    told = train.train(data, stays, told=lambda doing, done, of: heard.update({doing: (done, of)}))
    assert told == train.train(data, stays)
    signs = len(train.layout().signs)
    assert heard == {
        "sepsis: trees": (4, 4),
        "death: trees": (4, 4),
        **{f"network {number} of 5": (40, 40) for number in range(1, 6)},
        "expected values": (signs, signs),
        "what is usual": (signs, signs),
        "distributions": (0, 0),
    }
