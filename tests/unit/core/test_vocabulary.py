"""The vocabulary as Python sees it, against the protos and the tables it is taken from."""

from scripts import vocabulary_doc
from vigil import core
from vigil.pb import events_pb2


def by_field() -> dict[str, dict[str, object]]:
    return {str(entry["field"]): entry for entry in core.vocabulary()}


def test_one_entry_a_sign_in_the_order_of_the_protos() -> None:
    fields = [entry["field"] for entry in core.vocabulary()]
    assert fields == [name.removeprefix("SIGN_").lower() for name in events_pb2.Sign.keys()[1:]]
    for entry in core.vocabulary():
        assert entry.keys() == {"field", "unit", "loinc", "mdc", "plausible_low", "plausible_high", "aliases"}


def test_the_codes_are_those_of_the_clinical_table() -> None:
    table = {
        "heart_rate": ("/min", "8867-4", 147842),
        "pulse_rate": ("/min", "8867-4", 149530),
        "spo2": ("%", "59408-5", 150456),
        "respiratory_rate": ("/min", "9279-1", 151562),
        "temperature": ("Cel", "8310-5", 150344),
        "systolic": ("mm[Hg]", "8480-6", 150021),
        "diastolic": ("mm[Hg]", "8462-4", 150022),
        "mean_pressure": ("mm[Hg]", "8478-0", 150023),
        "etco2": ("mm[Hg]", "19889-5", 151708),
        "glucose": ("mg/dL", "2339-0", 160020),
    }
    for field, (unit, loinc, mdc) in table.items():
        entry = by_field()[field]
        assert (entry["unit"], entry["loinc"][0], entry["mdc"][0]) == (unit, loinc, mdc)  # type: ignore[index]


def test_an_asystole_is_plausible_and_so_is_an_apnoea() -> None:
    assert by_field()["heart_rate"]["plausible_low"] == 0
    assert by_field()["respiratory_rate"]["plausible_low"] == 0


def test_the_page_is_generated_from_the_table() -> None:
    assert vocabulary_doc.PATH.read_text() == vocabulary_doc.page(), "run scripts/vocabulary_doc.py"
