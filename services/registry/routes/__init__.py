"""The REST routes, one module an entity."""

from typing import Any

from fastapi import FastAPI

from services.registry.routes import devices, hubs, links, patients, thresholds
from vigil.runtime.outbox import Relay
from vigil.runtime.rest import rest_app

DESCRIPTION = """Who is on which device, since when, with which alarm limits.

Names in JSON are camelCase; snake_case is understood too. A POST takes one object or an array of up to
100,000, all or nothing. Registering the same again answers 200 and changes nothing; the same id with other
content is refused with 409. Signs (in `limits` and `baseline`) are named as in the vocabulary: `heart_rate`.
"""


def application(pool: Any, relay: Relay) -> FastAPI:
    """The registry's REST application."""
    app = rest_app("registry", "Vigil registry", DESCRIPTION)
    for module in (patients, devices, links, thresholds, hubs):
        module.hang(app, pool, relay)
    return app
