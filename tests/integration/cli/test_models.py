"""`vigil models` against a running anomaly service."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from tests.integration.services.test_anomaly_service import started
from vigil.cli.main import app
from vigil.model import load


def test_models_are_shown_and_a_refusal_is_one_sentence(
    free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(free_port) as service:
        service.wait_for(lambda: service.get("/readyz").status_code == 200)
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
        monkeypatch.setenv("ANOMALY_SERVICE_HTTP_PORT", service.http.rsplit(":", 1)[1])
        shown = CliRunner().invoke(app, ["models"])
        assert shown.exit_code == 0
        assert load().version in shown.output
        refused = CliRunner().invoke(app, ["models", "promote"])
        assert "no model is on trial" in str(refused.exception)
        outside = CliRunner().invoke(app, ["models", "try", "../elsewhere"])
        assert str(outside.exception).startswith("directory: ")
    away = CliRunner().invoke(app, ["models", "shadow"])
    assert "does not answer" in str(away.exception)
