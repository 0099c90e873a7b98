"""Where notifications go: a log line, a webhook, e-mail. Delivery is at least once; the id tells repeats apart."""

import logging
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import Any, Protocol

import aiosmtplib
import httpx

from services.notification_service.roles import recipients
from vigil.runtime.logs import log
from vigil.scalars import priority_name, severity_name, time_text
from vigil.settings import Settings

_log = logging.getLogger("vigil.notification")
Notification = Mapping[str, Any]


class DeliveryError(Exception):
    """The channel did not take it; the text is a bounded reason without payload or address."""


class Channel(Protocol):
    """One way to reach people."""

    name: str

    async def send(self, notification: Notification) -> None:
        """Delivers or raises `DeliveryError`."""

    async def close(self) -> None:
        """Gives the connections back."""


def payload(row: Notification) -> dict[str, Any]:
    """What the webhook is sent."""
    return {
        "id": str(row["id"]),
        "event_id": str(row["event_id"]),
        "episode_id": str(row["episode_id"]) if row["episode_id"] else None,
        "kind": row["kind"],
        "priority": priority_name(row["priority"]),
        "severity": severity_name(row["severity"]),
        "title": row["title"],
        "body": row["body"],
        "patient_id": row["patient_id"] or None,
        "device_id": row["device_id"] or None,
        "ward": row["ward"] or None,
        "bed": row["bed"] or None,
        "rule_id": row["rule_id"] or None,
        "roles": [role for role in row["roles"] if role],
        "event_time": time_text(row["event_time_us"]),
        "trace_id": row["trace_id"] or None,
    }


class LogChannel:
    """A JSON line with the title: sign, value, limit and place, never a name."""

    name = "log"

    async def send(self, notification: Notification) -> None:
        """Logs it."""
        level = logging.WARNING if priority_name(notification["priority"]) == "high" else logging.INFO
        shown = payload(notification)
        del shown["body"]
        log(_log, level, "notification", **shown)

    async def close(self) -> None:
        """Nothing to close."""


class WebhookChannel:
    """POST of the notification as JSON with an `Idempotency-Key`; 2xx of every receiver counts as delivered."""

    name = "webhook"

    def __init__(self, url: str, timeout_s: float, named: Mapping[str, str] | None = None) -> None:
        self._url, self._named = url, named or {}
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False, trust_env=False)

    async def send(self, notification: Notification) -> None:
        """Posts it."""
        headers = {"Idempotency-Key": str(notification["id"])}
        if notification["trace_id"]:
            headers["traceparent"] = f"00-{notification['trace_id']}-{notification['id'].bytes[:8].hex()}-01"
        for url in recipients(notification["roles"], self._named, self._url):
            await self._post(url, payload(notification), headers)

    async def _post(self, url: str, body: dict[str, Any], headers: dict[str, str]) -> None:
        try:
            answer = await self._client.post(url, json=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryError(type(error).__name__) from error
        if not answer.is_success:
            raise DeliveryError(f"HTTP {answer.status_code}")

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


class SmtpChannel:
    """An e-mail to the recipients of its roles; its Message-ID is the notification's id."""

    name = "smtp"

    def __init__(
        self, host: str, port: int, sender: str, default: str, timeout_s: float, named: Mapping[str, str] | None = None
    ) -> None:
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._sender, self._default, self._named = sender, default, named or {}

    def _to(self, notification: Notification) -> list[str]:
        return recipients(notification["roles"], self._named, self._default)

    def message(self, notification: Notification) -> EmailMessage:
        """The e-mail."""
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = ", ".join(self._to(notification))
        message["Subject"] = notification["title"]
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = f"<{notification['id']}@vigil>"
        if priority_name(notification["priority"]) == "high":
            message["X-Priority"] = "1"
            message["Importance"] = "high"
        message.set_content(notification["body"])
        return message

    async def send(self, notification: Notification) -> None:
        """Mails it. A recipient that is refused is a failure, even when another was accepted."""
        try:
            refused, _ = await aiosmtplib.send(
                self.message(notification),
                sender=self._sender,
                recipients=self._to(notification),
                hostname=self._host,
                port=self._port,
                timeout=self._timeout_s,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(type(error).__name__) from error
        if refused:
            raise DeliveryError(f"{len(refused)} recipients refused")

    async def close(self) -> None:
        """A connection is made per message."""


def configured(settings: Settings) -> list[Channel]:
    """The channels that are switched on; the log always is."""
    timeout_s, named = settings.notification_webhook_timeout_s, settings.notification_roles
    channels: list[Channel] = [LogChannel()]
    if settings.notification_webhook_url:
        channels.append(WebhookChannel(settings.notification_webhook_url, timeout_s, named.of(WebhookChannel.name)))
    if settings.notification_smtp_host:
        sender, default = settings.notification_smtp_from, settings.notification_smtp_to
        host, port = settings.notification_smtp_host, settings.notification_smtp_port
        channels.append(SmtpChannel(host, port, sender, default, timeout_s, named.of(SmtpChannel.name)))
    return channels
