"""The channels against real servers: an HTTP receiver and aiosmtpd's SMTP server on loopback."""

import asyncio
import email
import email.policy
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from services.notification_service.channels import (
    DeliveryError,
    LogChannel,
    SmtpChannel,
    WebhookChannel,
    configured,
    payload,
)
from services.notification_service.text import alarm_text
from tests.unit.services.notification_service.alerts import T0, alert
from vigil.settings import Settings, SettingsError


def row(priority: int = 3) -> dict[str, Any]:
    text = alarm_text(alert(), "alarm")
    return {
        "id": uuid.uuid4(),
        "event_id": uuid.uuid4(),
        "episode_id": uuid.uuid4(),
        "kind": "alarm",
        "channel": "webhook",
        "priority": priority,
        "severity": 3,
        "title": text.title,
        "body": text.body + " 37.5 °C",
        "patient_id": "patient-7",
        "device_id": "monitor-12",
        "ward": "C3",
        "bed": "",
        "rule_id": "heart_rate_high",
        "roles": [""],
        "event_time_us": T0,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }


class Receiver:
    """A small HTTP server that answers as it is told."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.requests: list[tuple[dict[str, str], Any]] = []

    async def __aenter__(self) -> "Receiver":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, json.loads(body)))
        status = self.answers.pop(0) if self.answers else 200
        writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


async def test_the_webhook_posts_json_with_an_idempotency_key():
    async with Receiver() as receiver:
        channel, sent = WebhookChannel(receiver.url, 2.0), row()
        await channel.send(sent)
        await channel.send(sent)
        await channel.close()
    (headers, body), (again, _) = receiver.requests
    assert headers["idempotency-key"] == again["idempotency-key"] == str(sent["id"])
    assert headers["traceparent"].startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert body == payload(sent)
    assert body["priority"] == "high"
    assert body["bed"] is None


@pytest.mark.parametrize("status", [302, 400, 429, 500, 503])
async def test_any_other_answer_of_the_webhook_is_a_failure(status: int):
    async with Receiver() as receiver:
        receiver.answers = [status]
        channel = WebhookChannel(receiver.url, 2.0)
        with pytest.raises(DeliveryError, match=f"HTTP {status}"):
            await channel.send(row())
        await channel.close()


async def test_a_webhook_that_does_not_answer_is_a_failure(free_port: Callable[[], int]):
    channel = WebhookChannel(f"http://127.0.0.1:{free_port()}/", 0.5)
    with pytest.raises(DeliveryError, match="ConnectError"):
        await channel.send(row())
    await channel.close()


async def test_each_role_has_its_own_webhook_and_all_must_take_it():
    async with Receiver() as doctor, Receiver() as ward:
        channel = WebhookChannel(ward.url, 2.0, {"physician": doctor.url})
        await channel.send(row() | {"roles": ["physician"]})
        assert [len(r.requests) for r in (doctor, ward)] == [1, 0]
        await channel.send(row() | {"roles": ["physician", "nurse"]})
        assert [len(r.requests) for r in (doctor, ward)] == [2, 1]
        assert ward.requests[0][1]["roles"] == ["physician", "nurse"]
        ward.answers = [500]
        with pytest.raises(DeliveryError, match="HTTP 500"):
            await channel.send(row())
        await channel.close()


class Mailbox:
    """An aiosmtpd handler that keeps what it gets, and may refuse a recipient."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refuse = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address == self.refuse:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope)
        return "250 OK"


@pytest.fixture
def smtp(free_port: Callable[[], int]):
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    yield mailbox, server.port
    server.stop()


async def test_mail_goes_to_every_recipient_and_carries_the_id(smtp):
    mailbox, port = smtp
    channel, sent = SmtpChannel("127.0.0.1", port, "vigil@ward.example", "a@ward.example, b@ward.example", 2.0), row()
    await channel.send(sent)
    (envelope,) = mailbox.mails
    assert envelope.rcpt_tos == ["a@ward.example", "b@ward.example"]
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert mail["Subject"] == sent["title"]
    assert mail["Message-ID"] == f"<{sent['id']}@vigil>"
    assert mail["Importance"] == "high"
    assert mail.get_content().strip() == sent["body"]


async def test_mail_goes_to_the_role_that_the_ladder_names(smtp):
    mailbox, port = smtp
    channel = SmtpChannel("127.0.0.1", port, "v@ward.example", "a@ward.example", 2.0, {"physician": "d@ward.example"})
    await channel.send(row() | {"roles": ["physician"]})
    await channel.send(row() | {"roles": ["charge-nurse"]})
    assert [envelope.rcpt_tos for envelope in mailbox.mails] == [["d@ward.example"], ["a@ward.example"]]


async def test_a_refused_recipient_is_a_failure(smtp):
    mailbox, port = smtp
    mailbox.refuse = "b@ward.example"
    channel = SmtpChannel("127.0.0.1", port, "vigil@ward.example", "a@ward.example,b@ward.example", 2.0)
    with pytest.raises(DeliveryError, match="1 recipients refused"):
        await channel.send(row())


async def test_no_mail_server_is_a_failure(free_port: Callable[[], int]):
    channel = SmtpChannel("127.0.0.1", free_port(), "v@ward.example", "a@ward.example", 0.5)
    with pytest.raises(DeliveryError):
        await channel.send(row())


async def test_the_log_line_has_the_title_and_the_ids(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "vigil.notification"):
        await LogChannel().send(sent := row())
    (line,) = caplog.records
    assert line.getMessage() == "notification"
    assert line.levelno == logging.WARNING
    assert line.fields["id"] == str(sent["id"])
    assert line.fields["title"] == sent["title"]


def test_channels_are_those_that_are_configured():
    assert [c.name for c in configured(Settings())] == ["log"]
    settings = Settings(notification_webhook_url="http://127.0.0.1:1/", notification_smtp_host="127.0.0.1")
    assert [c.name for c in configured(settings)] == ["log", "webhook", "smtp"]


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"nurse": "a@b"}', '{"nurse": {"pager": "1"}}', '{"nurse": {"smtp": ""}}']
)
def test_roles_that_cannot_be_meant_are_refused(text: str):
    with pytest.raises(SettingsError, match="NOTIFICATION_ROLES"):
        Settings.load({"NOTIFICATION_ROLES": text})


def test_roles_are_read_from_json():
    settings = Settings.load({"NOTIFICATION_ROLES": '{"nurse": {"smtp": "a@b"}}'})
    assert settings.notification_roles.of("smtp") == {"nurse": "a@b"}
    assert settings.notification_roles.of("webhook") == {}
