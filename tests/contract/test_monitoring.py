"""Prometheus scrapes every service of the topology; the dashboard asks only for metrics that the code has."""

import importlib
import json
import re
from pathlib import Path

import yaml
from prometheus_client import REGISTRY

from vigil import topology
from vigil.model.drift import MUCH, SOME

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
MEASURING = (
    "vigil.runtime.metrics",
    "vigil.runtime.rest",
    "services.analytics.drift",
    "services.analytics.processor",
    "services.anomaly_service.drift",
    "services.anomaly_service.swap",
    "services.notification_service.dispatcher",
    "services.rules_engine.scorer",
)


def test_prometheus_scrapes_every_service() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = [target for config in job["static_configs"] for target in config["targets"]]
    assert targets == [f"{s.name}:{s.http_port}" for s in topology.SERVICES if s.http_port]


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    for module in MEASURING:
        importlib.import_module(module)
    known = {metric.name for metric in REGISTRY.collect()}
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "vigil.json").read_text())
    assert dashboard["uid"] == "vigil"
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            asked = re.findall(r"\bvigil_[a-z_0-9]+", target["expr"])
            assert asked, panel["title"]
            for name in asked:
                assert re.sub(r"_(total|bucket|sum|count)$", "", name) in known, f"{panel['title']}: {name}"


def test_every_panel_has_a_place_of_its_own() -> None:
    panels = json.loads((DEPLOY / "grafana" / "dashboards" / "vigil.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)


def test_the_drift_of_every_ward_is_drawn_with_the_limits_of_its_bands() -> None:
    panels = json.loads((DEPLOY / "grafana" / "dashboards" / "vigil.json").read_text())["panels"]
    drawn = [panel for panel in panels if "drift_psi" in panel["targets"][0]["expr"]]
    assert any("by (ward)" in panel["targets"][0]["expr"] for panel in drawn)
    for panel in drawn:
        _, *steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert [step["value"] for step in steps] == [SOME, MUCH]


def test_the_dashboard_is_provisioned() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "vigil.yml").read_text())["providers"]
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "vigil.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    assert provider["type"] == "file"
