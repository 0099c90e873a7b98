"""Self-contained report pages: HTML with inline SVG charts, no script, nothing from another machine.

page = Page("Backtest", "What the rules would have done.")
page.tiles([Tile("alarms per bed-day", "3.1")])
page.section("By rule")
page.chart(charts.bars(["spo2-low"], [Series("new", [2.0])], title="Alarms per bed-day"))
page.table(["rule", "alarms"], [["spo2-low", 2.0]])
page.write(path)
"""

from vigil.report import charts
from vigil.report.charts import Series
from vigil.report.page import Page, Ranged, Tile
from vigil.report.scale import number

__all__ = ["Page", "Ranged", "Series", "Tile", "charts", "number"]
