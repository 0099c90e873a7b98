"""The gateway's OpenAPI 3.1 document and docs page: static bytes, made once."""

import msgspec

from vigil.runtime.docs_page import docs_pages

_VALUE = {"oneOf": [{"type": "number"}, {"type": "string", "maxLength": 64}, {"type": "null"}]}
_METRIC = {
    "oneOf": [
        *_VALUE["oneOf"],
        {
            "type": "object",
            "properties": {"value": _VALUE, "unit": {"type": "string"}},
            "required": ["value"],
            "additionalProperties": False,
        },
    ]
}
_OBSERVATION = {
    "type": "object",
    "required": ["deviceId", "timestamp", "metrics"],
    "additionalProperties": False,
    "properties": {
        "deviceId": {"type": "string", "minLength": 1, "maxLength": 128, "examples": ["monitor-7"]},
        "deviceType": {"type": "string", "examples": ["multiparameter_monitor"]},
        "timestamp": {
            "description": "ISO 8601 with offset, or milliseconds since the epoch",
            "oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}],
        },
        "metrics": {
            "type": "object",
            "minProperties": 1,
            "description": "by the device's own names; a name that is not known is kept and reported as unmapped",
            "additionalProperties": _METRIC,
            "examples": [{"hr": 72, "spo2": 97, "temp": {"value": 98.6, "unit": "degF"}}],
        },
        "units": {"type": "object", "additionalProperties": {"type": "string"}, "examples": [{"temp": "degF"}]},
        "sequence": {"type": "integer", "minimum": 0, "description": "the device's own; makes a retry recognisable"},
        "meta": {
            "type": "object",
            "properties": {"battery": {"type": "number"}, "firmware": {"type": "string"}},
        },
    },
}
_PROBLEM = {
    "description": "Refused: every wrong field is named (RFC 9457)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_RESULT = {
    "type": "object",
    "properties": {
        "success": {"type": "boolean"},
        "eventId": {"type": "string", "format": "uuid"},
        "message": {"type": "string"},
    },
}
_RESULTS = {
    "type": "object",
    "properties": {
        "success": {"type": "boolean"},
        "accepted": {"type": "integer"},
        "rejected": {"type": "integer"},
        "results": {"type": "array", "items": _RESULT},
    },
}
_JSON_RESULTS = {"application/json": {"schema": {"oneOf": [_RESULT, _RESULTS]}}}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {
        "title": "Vigil telemetry gateway",
        "version": "1",
        "description": "Devices send observations here. 202 means the log has them.",
    },
    "paths": {
        "/api/telemetry": {
            "post": {
                "summary": "Send one observation, or an array of them",
                "operationId": "sendTelemetry",
                "tags": ["telemetry"],
                "parameters": [
                    {
                        "name": "x-device-key",
                        "in": "header",
                        "schema": {"type": "string"},
                        "description": "the device's or hub's key, where it has one (or Authorization: Bearer)",
                    },
                    {"name": "traceparent", "in": "header", "schema": {"type": "string"}},
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "oneOf": [
                                    {"$ref": "#/components/schemas/Observation"},
                                    {"type": "array", "items": {"$ref": "#/components/schemas/Observation"}},
                                ]
                            },
                            "example": {
                                "deviceId": "monitor-7",
                                "timestamp": "2026-03-01T08:00:00Z",
                                "metrics": {"hr": 72, "spo2": 97, "temp": {"value": 98.6, "unit": "degF"}},
                            },
                        }
                    },
                },
                "responses": {
                    "202": {"description": "Accepted: the log has all of it", "content": _JSON_RESULTS},
                    "207": {"description": "Some items accepted, a result per item", "content": _JSON_RESULTS},
                    **{str(status): _PROBLEM for status in (400, 401, 403, 404, 413, 415, 422)},
                    "503": {
                        **_PROBLEM,
                        "description": "The log or the registry is away: nothing was accepted, try again",
                        "headers": {"Retry-After": {"schema": {"type": "integer"}}},
                    },
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Observation": _OBSERVATION,
            "Problem": {
                "type": "object",
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "trace_id": {"type": "string"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "field": {"type": "string"},
                                "code": {"type": "string"},
                                "message": {"type": "string"},
                            },
                        },
                    },
                },
            },
        }
    },
}


def static_pages() -> dict[str, tuple[str, bytes]]:
    """Path → content type and body."""
    pages = docs_pages("Vigil telemetry gateway")
    pages["/openapi.json"] = ("application/json", msgspec.json.encode(DOCUMENT))
    return pages
