"""The ledger against counts made here: what is lost, doubled or invented on the way must show."""

import random

import pytest

from tests.unit.core.events import T0, batch, contexts, observation, raw, raw_id
from vigil import core
from vigil.pb import events_pb2


def journey(ledger: core.Ledger, n: int) -> dict[str, list[bytes]]:
    """`n` observations as raw, normalized and enriched batches, the latter by the real enrichment."""
    table = core.ContextTable()
    table.apply(contexts({"d1": "p1"}))
    normalized = [batch(observation(i) for i in range(at, min(at + 7, n))) for at in range(0, n, 7)]
    made = core.Enricher(table, 4).process("t", 0, list(range(len(normalized))), normalized, T0)
    return {
        "raw": [batch(raw(i) for i in range(n))],
        "normalized": normalized,
        "enriched": [value for _, _, value in made.records],
    }


def add_all(ledger: core.Ledger, topics: dict[str, list[bytes]]) -> None:
    names = list(topics)
    random.Random(1).shuffle(names)
    for name in names:
        ledger.add(name, topics[name])


def test_a_complete_journey_balances():
    ledger = core.Ledger()
    topics = journey(ledger, 100)
    add_all(ledger, topics)
    report = ledger.report()
    for name, values in topics.items():
        assert report[name] == {
            "records": len(values),
            "observations": 100,
            "distinct": 100,
            "duplicates": 0,
            "unreadable": 0,
            "missing": 0,
            "invented": 0,
        }
    assert report["scored"]["missing"] == 100
    assert set(report) == {"raw", "normalized", "enriched", "scored", "dead_letter", "alerts"}


def test_what_is_lost_doubled_or_invented_shows():
    ledger = core.Ledger()
    topics = journey(ledger, 70)
    topics["normalized"].pop()
    topics["enriched"] *= 2
    topics["enriched"].append(batch([observation(1)]))  # its source is a raw id, not a normalized one
    add_all(ledger, topics)
    report = ledger.report()
    assert report["normalized"]["missing"] == 7
    assert report["enriched"]["duplicates"] == 70
    assert report["enriched"]["invented"] == 1
    assert report["enriched"]["missing"] == 0


def test_a_dead_letter_accounts_for_what_it_holds():
    ledger = core.Ledger()
    topics = journey(ledger, 14)
    topics["normalized"].pop()
    lost_raw = batch(raw(i) for i in range(7, 14))
    letter = events_pb2.DeadLetter(original=lost_raw, stage="telemetry-normalizer", observations=7)
    topics["dead_letter"] = [letter.SerializeToString()]
    topics["enriched"] = []
    nameless = observation(0, device="")
    made = core.Enricher(core.ContextTable(), 4).process("t", 0, [0], [batch([nameless])], T0)
    topics["dead_letter"] += [value for _, _, value in made.dead_letters]
    add_all(ledger, topics)
    report = ledger.report()
    assert report["normalized"]["missing"] == 0
    assert report["enriched"]["missing"] == 6, "all but the seven and the one that are dead letters"
    assert report["dead_letter"]["observations"] == 8
    assert report["dead_letter"]["distinct"] == 8
    assert report["dead_letter"]["invented"] == 0


def test_alerts_are_counted_by_their_ids():
    ledger = core.Ledger()
    alert = events_pb2.AlertEvent(header=events_pb2.Header(event_id=raw_id(5))).SerializeToString()
    ledger.add("alerts", [alert, alert])
    counts = ledger.report()["alerts"]
    assert (counts["records"], counts["distinct"], counts["duplicates"]) == (2, 1, 1)


def test_unreadable_records_and_unknown_stages_are_said():
    ledger = core.Ledger()
    ledger.add("raw", [b"\xff", b"\x0a\x02ab"])
    assert ledger.report()["raw"]["unreadable"] == 2
    with pytest.raises(core.CoreError) as error:
        ledger.add("cooked", [])
    assert error.value.args[:2] == ("invalid_text", "stage")
