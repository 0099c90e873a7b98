"""A crash after every record of a log with gaps, spools, ticks and what people do: the same bytes come out again."""

import random

from tests.unit.core.engine import RULES, SECOND, enriched
from tests.unit.core.events import T0, batch
from vigil import core
from vigil.pb import events_pb2 as pb

RECORDS = 300
Written = tuple[list[tuple[int, int, bytes]], list[tuple[int, bytes, bytes]], list[tuple[int, int, bytes]], int | None]


def log(dice: random.Random) -> list[bytes]:
    devices = [("p1", "d1"), ("p1", "d2"), ("p2", "d3"), ("", "d4")]
    sequences, second, records = dict.fromkeys(devices, 0), 0, []
    while len(records) < RECORDS:
        second += dice.choice([0, 1, 1, 2, 5, 90])
        if dice.random() < 0.15:
            action = dice.choice([pb.CONTROL_ACTION_TICK, pb.CONTROL_ACTION_ACKNOWLEDGE, pb.CONTROL_ACTION_PAUSE])
            control = pb.Control(
                event_id=len(records).to_bytes(16, "little"),
                action=action,
                time_us=T0 + second * SECOND,
                patient_id=dice.choice(["p1", "p2"]),
                until_us=T0 + (second + 60) * SECOND,
                actor="a nurse",
                reason="at the bedside",
            )
            records.append(pb.TelemetryBatch(controls=[control]).SerializeToString())
            continue
        made = []
        for _ in range(dice.randint(1, 4)):
            who = dice.choice(devices)
            sequences[who] += dice.choice([1, 1, 1, 2])
            spooled = 5000 if dice.random() < 0.1 else 0
            values = [
                (sign, dice.choice([0.0, 38.0, 70.0, 86.0, 97.0, 155.0]), dice.choice([0, 0, 0, 16]))
                for sign in dice.sample(["heart_rate", "spo2", "systolic", "respiratory_rate"], 2)
            ]
            number = len(records) * 10 + len(made)
            one = enriched(number, second - spooled, values, patient=who[0], device=who[1])
            one.header.ingest_time_us = T0 + second * SECOND + 7
            one.vitals.sequence = sequences[who]
            made.append(one)
        dice.shuffle(made)
        records.append(batch(made))
    return records


def written(engine: core.Engine, at: int, record: bytes) -> Written:
    pending = engine.begin("telemetry.enriched", 0, [at], [record], 1)
    made = engine.finish(pending, None, "", 2)
    return made.scored, made.alerts, made.dead_letters, engine.held_offset(0)


def test_a_crash_after_every_record_changes_nothing() -> None:
    dice = random.Random(7)
    records = log(dice)
    engine = core.Engine(RULES)
    expected = [written(engine, at, record) for at, record in enumerate(records)]
    assert sum(len(one[1]) for one in expected) > 100
    assert sum(one[3] is not None for one in expected) > 20

    engine, segments = core.Engine(RULES), []
    for at, record in enumerate(records):
        if not segments or dice.random() < 0.4:
            full = not segments or dice.random() < 0.2
            segments = ([] if full else segments) + [engine.checkpoint(0, at, full)]
        assert written(engine, at, record) == expected[at]
        engine = core.Engine(RULES)  # the crash
        for again in range(engine.restore(0, segments), at + 1):
            assert written(engine, again, records[again]) == expected[again], f"crash after {at}, record {again}"
