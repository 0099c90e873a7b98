"""The limiter on real Redis and PostgreSQL: grouped or delayed, never dropped; HIGH never asks."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.notification_service.channels import DeliveryError
from services.notification_service.dispatcher import Dispatcher
from services.notification_service.intake import store
from services.notification_service.limiter import Limiter, Verdict
from services.notification_service.limits import decide_due
from services.notification_service.service import MIGRATIONS
from tests.unit.services.notification_service.alerts import alert
from vigil.pb import events_pb2 as pb
from vigil.settings import Settings
from vigil.store.postgres import open_pool


class Recorder:
    """A channel that remembers, and fails as long as it is told to."""

    def __init__(self, name: str) -> None:
        self.name, self.sent, self.failing = name, [], False

    async def send(self, notification: Any) -> None:
        if self.failing:
            raise DeliveryError("told to fail")
        self.sent.append(notification)

    async def close(self) -> None: ...


class Bench:
    """The service's parts without its loops: each step is taken by hand."""

    def __init__(self, pool: Any, limiter: Limiter, settings: Settings) -> None:
        self.pool, self.limiter = pool, limiter
        self.dispatcher = Dispatcher(pool, settings)
        self.channels = {name: Recorder(name) for name in ("log", "webhook")}

    async def take(self, *alerts: Any) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await store(connection, list(alerts), list(self.channels))

    async def step(self) -> None:
        await decide_due(self.pool, self.limiter)
        for channel in self.channels.values():
            while await self.dispatcher.send_due(channel):
                pass

    async def pass_time(self) -> None:
        """What waits for a moment falls due now; the limiter's own time runs on Redis' clock."""
        await self.pool.execute("UPDATE notification SET next_attempt_at = now() WHERE status IN ('held', 'pending')")

    async def statuses(self, channel: str = "log") -> list[str]:
        rows = await self.pool.fetch("SELECT status FROM notification WHERE channel = $1 ORDER BY sequence", channel)
        return [row["status"] for row in rows]

    async def forget_rate(self) -> None:
        """As if the minute had passed."""
        keys = [key async for key in self.limiter._redis.scan_iter(self.limiter._prefix + "*")]
        if keys:
            await self.limiter._redis.delete(*keys)


@pytest_asyncio.fixture
async def bench(postgres_dsn: str, redis_url: str) -> AsyncIterator[Bench]:
    pool = await open_pool(postgres_dsn, "notification_service", MIGRATIONS, 4)
    await pool.execute("TRUNCATE notification")
    limiter = Limiter(redis_url, f"t{uuid.uuid4().hex}.", 10, 10)
    yield Bench(pool, limiter, Settings(notification_attempts_max=3, notification_retry_base_s=0.0))
    await limiter.close()
    await pool.close()


async def test_the_script_is_gcra(redis_url: str):
    limiter = Limiter(redis_url, f"t{uuid.uuid4().hex}.", 600, 3)  # one each 0.1 s, three at once
    asked = [(await limiter.ask("p")).verdict for _ in range(3)]
    refused = await limiter.ask("p")
    assert asked == [Verdict.ALLOWED] * 3
    assert refused.verdict is Verdict.REFUSED
    assert 0.0 < refused.wait_s <= 0.1
    assert (await limiter.ask("other")).verdict is Verdict.ALLOWED
    await asyncio.sleep(refused.wait_s)  # the limiter's clock is Redis' own: nothing but time can move it
    assert (await limiter.ask("p")).verdict is Verdict.ALLOWED
    assert (await limiter.ask("p")).verdict is Verdict.REFUSED
    ttl = await limiter._redis.pttl(limiter._prefix + "p")
    assert 0 < ttl <= 300
    await limiter.close()


async def test_the_11th_critical_notification_in_a_minute_is_sent(bench: Bench):
    await bench.take(*[alert(priority="HIGH") for _ in range(11)])
    await bench.step()
    assert await bench.statuses() == ["sent"] * 11
    assert len(bench.channels["webhook"].sent) == 11
    await bench.take(*[alert(priority="MEDIUM") for _ in range(10)])
    await bench.step()
    assert (await bench.statuses()).count("sent") == 21, "HIGH must not use up what the others may send"


async def test_a_low_priority_flood_is_grouped_and_never_dropped(bench: Bench):
    await bench.take(*[alert(priority="LOW", at_s=i) for i in range(25)])
    await bench.step()
    assert await bench.statuses() == ["sent"] * 10 + ["held"] * 15
    await bench.take(alert(priority="MEDIUM"), alert(priority="HIGH"))
    await bench.step()
    assert (await bench.statuses())[25:] == ["held", "sent"], "what comes later joins those that wait; HIGH does not"
    await bench.pass_time()
    await bench.step()
    assert (await bench.statuses()).count("held") == 16, "refused again: still waiting, not lost"
    await bench.forget_rate()
    await bench.pass_time()
    await bench.step()
    assert await bench.statuses() == ["sent"] * 10 + ["grouped"] * 16 + ["sent", "sent"]
    digest = bench.channels["webhook"].sent[-1]
    assert digest["kind"] == "digest"
    assert len(digest["body"].splitlines()) == 17
    assert digest["priority"] == 2, "a digest is as urgent as its most urgent member"
    spoken_for = await bench.pool.fetchval("SELECT count(*) FROM notification WHERE group_id = $1", digest["id"])
    assert spoken_for == 16


async def test_what_nobody_acknowledged_does_not_wait_and_a_digest_reaches_every_role(bench: Bench):
    await bench.take(*[alert(priority="MEDIUM") for _ in range(10)])
    episode = uuid.uuid4().bytes
    ladder = {"cause": pb.ALERT_CAUSE_ESCALATED, "escalation_level": 2, "escalate_to": "charge-nurse"}
    await bench.take(
        alert(priority="MEDIUM", episode=episode, escalate_to="nurse"),
        alert("UPDATE", "MEDIUM", episode=episode, step=1, **ladder),
        alert(priority="LOW"),
    )
    await bench.step()
    assert await bench.statuses() == ["sent"] * 10 + ["held", "sent", "held"]
    assert ["charge-nurse"] in [sent["roles"] for sent in bench.channels["webhook"].sent]
    await bench.forget_rate()
    await bench.pass_time()
    await bench.step()
    digest = bench.channels["webhook"].sent[-1]
    assert (digest["kind"], digest["roles"]) == ("digest", ["", "nurse"])


async def test_patients_do_not_use_up_each_others_rate(bench: Bench):
    await bench.take(*[alert(priority="LOW", patient=f"p{i % 2}") for i in range(20)])
    await bench.step()
    assert await bench.statuses() == ["sent"] * 20


async def test_held_notifications_survive_a_restart(bench: Bench):
    await bench.take(*[alert(priority="LOW") for _ in range(12)])
    await bench.step()
    other = Bench(bench.pool, Limiter("redis://127.0.0.1:1/0", "x.", 10, 10), Settings())
    await other.pass_time()
    await other.step()
    assert await bench.statuses() == ["sent"] * 10 + ["grouped"] * 2 + ["sent"]


async def test_redis_away_means_send(bench: Bench):
    bench.limiter = Limiter("redis://127.0.0.1:1/0", "x.", 10, 10)
    await bench.take(*[alert(priority="LOW") for _ in range(15)])
    await bench.step()
    assert await bench.statuses() == ["sent"] * 15
    assert await bench.pool.fetchval("SELECT count(*) FROM notification WHERE limiter = 'unavailable'") == 30


async def test_alerts_read_again_change_nothing(bench: Bench):
    alerts = [alert(priority="LOW"), alert(priority="HIGH"), alert("END", episode=bytes(16), step=1)]
    await bench.take(*alerts)
    await bench.take(*alerts)
    await bench.step()
    await bench.take(*alerts)
    await bench.step()
    assert await bench.statuses() == ["sent", "sent"]
    assert len(bench.channels["log"].sent) == 2


async def test_only_a_worsening_update_is_told(bench: Bench):
    episode = uuid.uuid4().bytes
    start = alert(priority="LOW", episode=episode)
    same = alert("UPDATE", "LOW", episode=episode, step=1)
    worse = alert("UPDATE", "HIGH", episode=episode, step=2)
    better = alert("UPDATE", "MEDIUM", episode=episode, step=3)
    await bench.take(start, same)
    await bench.take(worse, better)
    await bench.take(start, same, worse, better)
    rows = await bench.pool.fetch("SELECT kind, step FROM notification WHERE channel = 'log' ORDER BY sequence")
    assert [tuple(row) for row in rows] == [("alarm", 0), ("escalation", 2)]


async def test_a_resolution_is_told_only_where_the_alarm_was(bench: Bench):
    episode = uuid.uuid4().bytes
    bench.channels["webhook"].failing = True
    await bench.take(alert(episode=episode))
    await bench.take(alert("END", episode=episode, step=1, at_s=60))
    await bench.step()  # log: sent; webhook: three attempts, then failed
    await bench.pass_time()
    await bench.step()
    assert await bench.statuses("log") == ["sent", "sent"]
    assert await bench.statuses("webhook") == ["failed"]
    assert bench.channels["log"].sent[-1]["kind"] == "resolved"


async def test_a_resolution_waits_for_its_alarm_and_joins_its_digest(bench: Bench):
    episode = uuid.uuid4().bytes
    await bench.take(*[alert(priority="LOW") for _ in range(10)])
    await bench.take(alert(priority="LOW", episode=episode), alert(priority="LOW"))
    await bench.step()
    await bench.take(alert("END", "LOW", episode=episode, step=1))
    await bench.step()
    assert await bench.statuses() == ["sent"] * 10 + ["held"] * 3
    await bench.forget_rate()
    await bench.pass_time()
    await bench.step()
    assert "RESOLVED: heart rate high" in bench.channels["log"].sent[-1]["body"]


async def test_a_failing_channel_holds_up_no_other_and_shows_as_failed(bench: Bench):
    bench.channels["webhook"].failing = True
    await bench.take(alert())
    await bench.step()
    row = await bench.pool.fetchrow("SELECT * FROM notification WHERE channel = 'webhook'")
    assert (row["status"], row["attempts"], row["reason"]) == ("failed", 3, "told to fail")
    assert await bench.statuses("log") == ["sent"]


async def test_a_claim_that_died_is_sent_again(bench: Bench):
    await bench.take(alert())

    class Dies(Recorder):
        async def send(self, notification: Any) -> None:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await bench.dispatcher.send_due(Dies("log"))
    assert await bench.dispatcher.send_due(bench.channels["log"]) == 0, "the lease holds"
    await bench.pass_time()
    await bench.step()
    assert await bench.statuses() == ["sent"]


async def test_the_most_urgent_goes_first(bench: Bench):
    await bench.take(*[alert(priority="LOW") for _ in range(10)], alert(priority="MEDIUM"), patient_high := alert())
    await bench.pool.execute("UPDATE notification SET limiter = 'allowed'")
    await bench.step()
    assert bench.channels["log"].sent[0]["event_id"].bytes == patient_high.header.event_id


@pytest.mark.parametrize("attempts_max", [1, 3], ids=["the last attempt", "one of several"])
async def test_who_sent_for_too_long_does_not_speak_for_who_took_over(bench: Bench, attempts_max: int):
    """Its claim ran out, another instance claimed and sent; that its own attempt fails in the end says nothing."""
    channel = bench.channels["log"]
    slow = Dispatcher(bench.pool, Settings(notification_attempts_max=attempts_max, notification_retry_base_s=0.0))

    class Slow(Recorder):
        async def send(self, notification: Any) -> None:
            await bench.pass_time()
            await bench.dispatcher.send_due(channel)
            raise DeliveryError("too late")

    await bench.take(alert(priority="HIGH"))
    await slow.send_due(Slow("log"))
    assert len(channel.sent) == 1
    assert await bench.statuses() == ["sent"]
