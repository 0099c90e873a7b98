"""The report page of a backtest, in a real browser."""

from pathlib import Path

from playwright.sync_api import Page

from tests.support.browser import browser, needs_chromium, page  # noqa: F401 - fixtures
from tests.unit.backtest import ward
from tests.unit.backtest.test_run import PATIENTS, go
from vigil.backtest.document import document
from vigil.backtest.labels import Event
from vigil.backtest.page import page as made_page


@needs_chromium
def test_it_renders_with_both_rule_sets_and_their_events(page: Page, tmp_path: Path) -> None:  # noqa: F811
    path = ward.recording(tmp_path / "w.jsonl", PATIENTS)
    result = go(path, tmp_path / "c", ward.rules(tmp_path / "new.toml", delay=15), ward.rules(tmp_path / "old.toml"))
    dip_us = ward.START_US + 20_000_000
    result.events = [
        Event(subject="p0", kind="dip", onset_us=dip_us, end_us=dip_us + 10_000_000, alert_types=("spo2_low",)),
        Event(subject="p1", kind="sepsis", onset_us=dip_us + 50_000_000),
    ]
    page.set_content(made_page(document(result)).html())
    assert page.locator("h1").inner_text() == "Backtest"
    assert page.get_by_text("Events lost: 1").is_visible()
    assert page.locator("figure svg").count() == 8
    for index in range(8):
        box = page.locator("figure svg").nth(index).bounding_box()
        assert box is not None
        assert box["width"] > 300
    assert page.locator(".tiles dd").count() == 6
    assert page.get_by_text(result.outcomes[0].alerts_sha256).is_visible()
