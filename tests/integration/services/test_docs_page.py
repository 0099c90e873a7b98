"""The docs pages in a real browser, without any network: a person opens a route and sends a request."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import browser, needs_chromium, page, route
from tests.support.platform import Platform

__all__ = ["browser", "page"]
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def running(platform: Platform) -> Platform:
    platform.start(["registry", "incident-service"])
    return platform


def test_a_person_registers_a_patient_on_the_page(running: Platform, page: Page) -> None:
    url = running.settings.http_url("registry")
    page.goto(f"{url}/docs")
    expect(page.get_by_role("heading", name="Vigil registry")).to_be_visible()
    block = route(page, "post", "/patients")
    body = block.locator("textarea.body-param__text")
    expect(body).to_be_visible()
    assert '"patientId": "p-1"' in body.input_value()  # an example to start from
    body.fill('{"patientId": "from-the-page", "age": 71, "gender": "female"}')
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table .response-col_status").last).to_contain_text("201")
    assert httpx.get(f"{url}/patients/from-the-page").json()["age"] == 71


def test_a_wrong_request_shows_the_problem(running: Platform, page: Page) -> None:
    page.goto(f"{running.settings.http_url('registry')}/docs")
    block = route(page, "post", "/devices")
    block.locator("textarea.body-param__text").fill('{"deviceId": ""}')
    block.get_by_role("button", name="Execute").click()
    live = block.locator(".live-responses-table")
    expect(live.locator(".response-col_status").last).to_contain_text("422")
    expect(live).to_contain_text("deviceType")
    expect(live).to_contain_text("missing_field")


def test_a_list_is_asked_for_with_its_parameters(running: Platform, page: Page) -> None:
    page.goto(f"{running.settings.http_url('incident-service')}/docs")
    block = route(page, "get", "/incidents")
    block.locator('tr[data-param-name="status"] select').select_option("open")
    block.get_by_role("button", name="Execute").click()
    live = block.locator(".live-responses-table")
    expect(live.locator(".response-col_status").last).to_contain_text("200")
    expect(live).to_contain_text('"total": 0')


@pytest.mark.parametrize("service", ["registry", "incident-service"])
def test_the_document_is_openapi_3_1_and_names_problems(running: Platform, service: str) -> None:
    document = httpx.get(f"{running.settings.http_url(service)}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert "application/problem+json" in operation["responses"]["default"]["content"], (path, method)
            assert operation["description"], (path, method)
