"""The context table through the binding: answers, invalidation, and several threads at once."""

import threading

import pytest

from tests.unit.core.events import contexts
from vigil import core
from vigil.pb import registry_pb2


def test_it_counts_the_devices_with_a_good_answer():
    table = core.ContextTable()
    assert len(table) == 0
    assert table.apply(contexts({"d1": "p1", "d2": "p1", "d3": None})) == 3
    assert table.apply(contexts({"d1": "p2"})) == 3
    table.invalidate(["d1", "unheard-of"])
    assert len(table) == 2
    table.clear()
    assert len(table) == 0


def test_an_empty_answer_changes_nothing():
    table = core.ContextTable()
    assert table.apply(registry_pb2.GetContextsResponse(version="1").SerializeToString()) == 0
    assert table.apply(b"") == 0


@pytest.mark.parametrize("response", [b"\xff", b"\x12\x05ab", contexts({"": "p1", "d1": "p1"})])
def test_a_broken_answer_is_refused_whole(response):
    table = core.ContextTable()
    with pytest.raises(core.CoreError) as error:
        table.apply(response)
    assert error.value.args[0] in ("malformed_protobuf", "missing_field")
    assert len(table) == 0


def test_threads_share_it():
    table = core.ContextTable()
    devices = {f"d{n}": f"p{n}" for n in range(200)}
    answer = contexts(devices)
    failures: list[BaseException] = []

    def work(act) -> None:
        try:
            for _ in range(50):
                act()
        except BaseException as error:
            failures.append(error)

    acts = [lambda: table.apply(answer), lambda: table.invalidate(list(devices)), table.clear, lambda: len(table)]
    threads = [threading.Thread(target=work, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert table.apply(answer) == 200
