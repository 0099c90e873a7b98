"""The gateway's docs page in a real browser: a person sends the example, and it is in the log."""

import httpx
from playwright.sync_api import Page, expect

from tests.support.browser import browser, needs_chromium, page, route
from tests.support.platform import Platform
from vigil import core, topology
from vigil.events import to_json

__all__ = ["browser", "page"]
pytestmark = needs_chromium
DEVICE = "monitor-7"  # of the example


def open_page(platform: Platform, page: Page) -> None:
    page.goto(f"{platform.settings.http_url('telemetry-gateway')}/docs")
    expect(page.get_by_role("heading", name="Vigil telemetry gateway")).to_be_visible()


def test_a_person_sends_the_example_for_a_registered_device(platform: Platform, page: Page) -> None:
    device = {"deviceId": DEVICE, "deviceType": "multiparameter_monitor"}
    httpx.post(f"{platform.settings.http_url('registry')}/devices", json=device).raise_for_status()
    open_page(platform, page)
    block = route(page, "post", "/api/telemetry")
    body = block.locator("textarea.body-param__text")
    expect(body).to_be_visible()
    assert f'"deviceId": "{DEVICE}"' in body.input_value()
    with page.expect_response("**/api/telemetry") as sent:
        block.get_by_role("button", name="Execute").click()
    live = block.locator(".live-responses-table")
    expect(live.locator(".response-col_status").last).to_contain_text("202")
    expect(live).to_contain_text("accepted")
    assert sent.value.json()["eventId"] in in_the_log(platform, DEVICE)


def test_what_is_wrong_is_named_on_the_page(platform: Platform, page: Page) -> None:
    open_page(platform, page)
    block = route(page, "post", "/api/telemetry")
    block.locator("textarea.body-param__text").fill('{"deviceId": "monitor-7", "metrics": {}}')
    block.get_by_role("button", name="Execute").click()
    live = block.locator(".live-responses-table")
    expect(live.locator(".response-col_status").last).to_contain_text("422")
    for text in ("timestamp", "missing_field", "no_metrics"):
        expect(live).to_contain_text(text)


def in_the_log(platform: Platform, device: str) -> set[str]:
    """Event ids that telemetry.raw holds of a device."""
    partition = core.partition_of(device, platform.settings.bus_partitions)
    (held,) = (r for r in platform.bus.ranges(topology.RAW) if r.position.partition == partition)
    records = platform.bus.read(held.position, held.low, held.high)
    events = (event for record in records for event in to_json(topology.RAW, record.value))
    return {event["event_id"] for event in events if event["device_id"] == device}
