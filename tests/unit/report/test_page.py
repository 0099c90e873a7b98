"""The page: everything escaped, nothing fetched, rendered by a real browser."""

from pathlib import Path

from playwright.sync_api import Page as Tab

from tests.support.browser import browser, needs_chromium, page  # noqa: F401 - fixtures
from vigil.report import Page, Ranged, Series, Tile, charts

NASTY = '<script>alert("x")</script>&"'


def made() -> Page:
    report = Page("Report", "All of it.")
    report.tiles([Tile("alarms per bed-day", 3.14159, "at most 5")])
    report.section("Rules")
    report.chart(charts.bars(["spo2-low", NASTY], [Series("new", [2.0, 1.0]), Series("old", [5.0, 1.0])], title="Bars"))
    report.chart(charts.histogram([Series("lead", [1, 2, 2, 3])], title="Histogram", x="h", mark=(2, "median")))
    report.chart(charts.line([Series("roc", points=[(0, 0), (0.2, 0.8), (1, 1)])], title="Line", x="x", y="y"))
    report.chart(charts.scatter([Series("c", points=[(0.1, 0.12)])], title="Scatter", x="x", y="y", diagonal=True))
    report.table(["rule", "alarms"], [["spo2-low", 1234.0], [NASTY, None]], caption="Alarms")
    report.table(["score", "AUROC"], [["risk", Ranged("0.85", "0.82 … 0.88")], ["none", Ranged("–")]])
    report.table(["a"], [["hidden"]], caption="More", fold=True)
    return report


def test_nothing_is_taken_for_markup_and_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    text = made().write(tmp_path / "deep" / "page.html").read_text()
    assert "<script" not in text
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text


@needs_chromium
def test_a_browser_renders_every_part(page: Tab) -> None:  # noqa: F811
    page.set_content(made().html())
    assert page.locator("h1").inner_text() == "Report"
    assert page.locator("figure svg").count() == 4
    for index in range(4):
        box = page.locator("figure svg").nth(index).bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 50
    assert page.locator("td").first.inner_text() == "spo2-low"
    assert page.get_by_text("1,234").is_visible()
    value, interval = (page.get_by_text(text).bounding_box() for text in ("0.85", "0.82 … 0.88"))
    assert value is not None
    assert interval is not None
    assert interval["y"] > value["y"], "the interval is under its figure, in one line"
    assert interval["height"] < 30
    assert not page.get_by_text("hidden").is_visible()
    page.get_by_text("More").click()
    assert page.get_by_text("hidden").is_visible()
    # Text in a chart stays in it.
    assert page.evaluate(
        "[...document.querySelectorAll('svg')].every(s => [...s.querySelectorAll('text')].every(t => {"
        "const a = t.getBoundingClientRect(), b = s.getBoundingClientRect();"
        "return a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1}))"
    )
