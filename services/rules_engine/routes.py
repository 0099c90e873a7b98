"""The rules engine's REST routes: the rule set in words, trying a rule file, and what people do to alarms."""

import asyncio
import logging
import time
import uuid
from typing import Annotated, Any

from fastapi import Body as FromBody
from fastapi import FastAPI, Header, Request, Response

from services.rules_engine import bodies, shown
from services.rules_engine.control_log import ControlLog
from services.rules_engine.rule_file import RuleFile
from vigil import core
from vigil.bus.port import BusError
from vigil.controls import control, record_of
from vigil.rule_problem import RuleProblem, problem_of
from vigil.runtime import metrics
from vigil.runtime.logs import log
from vigil.runtime.problem import FieldError, Problem
from vigil.runtime.rest import RETRY_AFTER_S, answer, rest_app
from vigil.runtime.schema import Name
from vigil.settings import Settings

RULES_BYTES_MAX = 1_000_000
DESCRIPTION = """The rule set in use, and what people do to alarms.

A control (acknowledge, pause, off, resume) is answered 202 when the log has it. It then has its place among the
observations of whom it concerns, and what comes of it stands in `alerts.raised`. Sent again with the same
`Idempotency-Key` it is the same control.
"""
_PAUSE = {"action": "pause", "patientId": "p-7", "forS": 600, "actor": "nurse.kim", "reason": "washing the patient"}
_ACK = {"action": "acknowledge", "patientId": "p-7", "actor": "nurse.kim", "reason": "at the bedside"}
_TOML = {"requestBody": {"required": True, "content": {"application/toml": {"schema": {"type": "string"}}}}}
_log = logging.getLogger(__name__)


def application(rules: RuleFile, controls: ControlLog, settings: Settings, stage: str) -> FastAPI:
    """The rules engine's REST application."""
    app = rest_app(stage, "Vigil rules", DESCRIPTION)
    tags: list[Any] = ["rules"]

    @app.get("/api/v1/rules", tags=tags, response_model=shown.Shown)
    async def get_rules() -> Response:
        """The rule set in use: version, file, since when, what holds for all rules, and each rule in words and as data.
        `problem` says why the file as it stands now is not used, when it is not."""
        used, problem = rules.rules, rules.problem
        described = await asyncio.to_thread(shown.described, used.text, rules.path.name)
        return answer(
            {
                "source": str(rules.path),
                "loadedAt": bodies.moment(used.loaded_at),
                "pauseMaxS": used.pause_max_s(),
                "problem": problem._asdict() if problem else None,
                **described.shown(),
            }
        )

    @app.post("/api/v1/rules/validate", tags=tags, response_model=bodies.Valid, openapi_extra=_TOML)
    async def validate_rules(request: Request) -> Response:
        """Whether a rule file (the body, TOML) could be used. Nothing is changed; 422 says file, line, field, hint."""
        text = await _toml(request)
        try:
            made = await asyncio.to_thread(shown.described, text, "rules.toml")
        except core.CoreError as error:
            raise _refused(problem_of(error, "rules.toml")) from None
        return answer({"valid": True, "version": made.version, "rules": len(made.rules)})

    @app.post("/api/v1/controls", tags=["controls"], status_code=202, response_model=bodies.Taken)
    async def give_control(
        body: Annotated[bodies.Act, FromBody(examples=[_PAUSE, _ACK])],
        idempotency_key: Annotated[Name | None, Header(description="the same key is the same control")] = None,
    ) -> Response:
        """Acknowledges, pauses, turns off or resumes alarms: of a patient, of a device without one, of a rule, one."""
        now_us = time.time_ns() // 1000
        now = bodies.moment(now_us / 1e6)
        body.check(rules.rules, now)
        until = body.until_at(now)
        made = control(
            body.action,
            patient_id=body.patient_id or "",
            device_id=body.device_id or "",
            episode_id=body.episode_id.bytes if body.episode_id else b"",
            rule_id=body.rule_id or "",
            until_us=round(until.timestamp() * 1e6) if until else 0,
            actor=body.actor,
            reason=body.reason,
            time_us=now_us,
            idempotency_key=idempotency_key,
        )
        try:
            await controls.appended(record_of(made, settings.bus_partitions), settings.bus_timeout_s + 1)
        except (BusError, TimeoutError) as error:
            metrics.ERRORS.labels(stage, "control_not_taken").inc()
            log(_log, logging.WARNING, "control_not_taken", action=body.action, reason=type(error).__name__)
            headers = {"retry-after": str(RETRY_AFTER_S)}
            detail = "the log does not take the control now; try again with the same Idempotency-Key"
            raise Problem(503, "log_unavailable", detail, headers=headers) from None
        taken = {
            "controlId": str(uuid.UUID(bytes=made.event_id)),
            "action": body.action,
            "patientId": body.patient_id,
            "deviceId": body.device_id,
            "ruleId": body.rule_id,
            "episodeId": str(body.episode_id) if body.episode_id else None,
            "until": until,
            "time": now,
        }
        return answer(taken, 202)

    return app


async def _toml(request: Request) -> str:
    """The request's body as text, whatever its content type."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > RULES_BYTES_MAX:
            raise Problem(413, "too_large", f"a rule file may have {RULES_BYTES_MAX} bytes")
        parts.append(part)
    try:
        return b"".join(parts).decode("utf-8")
    except UnicodeError:
        raise _refused(RuleProblem("rules.toml", None, "", "is not UTF-8", "")) from None


def _refused(problem: RuleProblem) -> Problem:
    error = FieldError(problem.field, "invalid_rule", problem.message)
    return Problem(
        422, "invalid_rule", str(problem), [error], file=problem.file, line=problem.line, hint=problem.hint or None
    )
