"""The docs pages in a real browser, without any network: a person opens a route and sends a request."""

import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.platform import Platform

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")


@pytest.fixture(scope="module")
def running(platform: Platform) -> Platform:
    platform.start(["registry", "incident-service"])
    return platform


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may fail and nothing may come from elsewhere."""
    page = browser.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
    page.on("request", lambda r: None if r.url.startswith(("http://127.0.0.1", "data:")) else troubles.append(r.url))
    yield page
    page.close()
    assert troubles == []


def route(page: Page, method: str, path: str) -> Any:
    """Opens a route's section."""
    block = page.locator(f".opblock-{method}").filter(has=page.locator(f'[data-path="{path}"]'))
    block.locator(".opblock-summary").click()
    return block


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
