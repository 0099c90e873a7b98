"""What both logs must do, second part: members of a group crash, fall silent, come and go."""

import signal
import time
from collections.abc import Callable

from tests.integration.bus.support import RAW, Child, Member, await_true, in_order, read, send, values
from vigil.bus import connect
from vigil.bus.port import Bus
from vigil.settings import Settings

CONSUMER = """
import sys
from vigil.bus import connect
from vigil.bus.port import TopicPartition
from vigil.settings import Settings
bus = connect(Settings.load())
consumer = bus.consumer(["telemetry.raw"], "g")
seen = 0
while seen < 400:
    records = consumer.poll(64, 0.1)
    seen += len(records)
    if records and seen < 200:
        consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in records})
print("ready", flush=True)
sys.stdin.read()
while True: consumer.poll(64, 0.1)
"""


def test_redelivery_after_a_kill(
    bus: Bus, bus_environment: dict[str, str], quick: Settings, member: Callable[..., Member]
) -> None:
    send(bus, [str(number) for number in range(400)])
    child = Child(CONSUMER, {**bus_environment, "BUS_SESSION_TIMEOUT_S": "1"})
    assert child.line() == "ready"
    child.kill()
    committed = {p: o or 0 for p, o in bus.committed("g", RAW).items()}
    assert 0 < sum(committed.values()) < 400
    heir = member(connect(quick))
    records = read(heir.consumer, 400 - sum(committed.values()))
    assert {(r.partition, r.offset) for r in records} == {(p, o) for p in range(4) for o in range(committed[p], 100)}
    assert in_order(records)
    assert heir.poll() == []


def test_members_share_and_a_leaver_hands_over_at_once(bus: Bus, member: Callable[..., Member]) -> None:
    first = member()
    first.on_revoke = first.commit_all
    send(bus, [f"a{number}" for number in range(200)])
    await_true(lambda: first.poll() is not None and len(first.records) == 200, "all read by the only member")
    second = member()
    second.on_revoke = second.commit_all

    def shared() -> bool:
        first.poll(), second.poll()
        return len(second.consumer.assignment()) == 2 and len(first.consumer.assignment()) == 2

    await_true(shared, "two partitions each")
    assert not first.lost
    assert not second.records, "what was committed on the way out is not read again"
    send(bus, [f"b{number}" for number in range(200)])
    await_true(lambda: (first.poll(), second.poll(), len(first.records + second.records) == 400)[2], "all read")
    first.consumer.close()
    began = time.monotonic()
    await_true(lambda: (second.poll(), len(second.consumer.assignment()) == 4)[1], "handed over")
    assert time.monotonic() - began < 4.0, "the leaver's lease was waited for"
    send(bus, [f"c{number}" for number in range(200)])
    await_true(lambda: (second.poll(), len(first.records + second.records) == 600)[1], "all read")
    everything = values(first.records + second.records)
    assert len(set(everything)) == 600, "nothing lost, and nothing twice when members come and go in order"
    assert in_order(first.records)
    assert in_order(second.records)


def test_a_member_that_fell_silent_loses_and_cannot_commit(quick: Settings, bus: Bus) -> None:
    send(bus, [str(number) for number in range(40)])
    silent = Child(SILENT, {**_environment(quick), "BUS_SESSION_TIMEOUT_S": "1"})
    assert silent.line() == "read"
    silent.process.send_signal(signal.SIGSTOP)  # no heartbeats
    heir = Member(connect(quick))
    await_true(lambda: (heir.poll(), len(heir.records) == 40)[1], "the heir reads everything again")
    heir.commit_all()
    silent.process.send_signal(signal.SIGCONT)
    assert silent.line() == "refused not_owner"
    assert silent.line() == "lost refused"
    silent.kill()
    assert bus.committed("g", RAW) == {0: 10, 1: 10, 2: 10, 3: 10}
    heir.consumer.close()


SILENT = """
import time
from vigil.bus import connect
from vigil.bus.port import BusError, Callbacks, TopicPartition
from vigil.settings import Settings
one = {TopicPartition("telemetry.raw", 0): 1}
def on_lost(positions):
    try: consumer.commit(one)
    except BusError: print("lost refused", flush=True)
consumer = connect(Settings.load()).consumer(["telemetry.raw"], "g", Callbacks(on_lost=on_lost))
seen = 0
while seen < 40: seen += len(consumer.poll(64, 0.1))
began = time.monotonic()
print("read", flush=True)
while time.monotonic() - began < 1.5: time.sleep(0.01)  # the stop comes in here; its clock runs on
try:
    consumer.commit(one)
    print("committed", flush=True)
except BusError as error: print("refused", error.error_code, flush=True)
while True: consumer.poll(64, 0.1)
"""


def _environment(settings: Settings) -> dict[str, str]:
    environment = {"BUS_PREFIX": settings.bus_prefix, "REDIS_URL": str(settings.redis_url)}
    return {**environment, "KAFKA_BROKERS": settings.kafka_brokers} if settings.kafka_brokers else environment
