"""A device's links over time: statements in any order give ascending links that do not overlap."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.registry.timeline import Link, current, place

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def at(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


def test_the_first_link_is_open() -> None:
    assert place([], "a", at(0)) == [Link("a", at(0), None)]


def test_linking_to_another_patient_closes_the_former_link_at_that_time() -> None:
    assert place([Link("a", at(0), None)], "b", at(5)) == [Link("a", at(0), at(5)), Link("b", at(5), None)]


def test_unlinking_leaves_nobody_from_then_on() -> None:
    links = place([Link("a", at(0), None)], None, at(5))
    assert links == [Link("a", at(0), at(5))]
    assert current(links, at(4)) == links[0]
    assert current(links, at(5)) is None


def test_the_same_patient_again_changes_nothing() -> None:
    links = [Link("a", at(0), None)]
    assert place(links, "a", at(5)) == links


def test_a_link_in_the_past_ends_where_the_next_one_starts() -> None:
    links = [Link("b", at(10), None)]
    assert place(links, "a", at(0)) == [Link("a", at(0), at(10)), Link("b", at(10), None)]


def test_a_link_into_a_former_one_keeps_what_came_after() -> None:
    links = [Link("a", at(0), at(10)), Link("b", at(10), None)]
    assert place(links, "c", at(5)) == [Link("a", at(0), at(5)), Link("c", at(5), at(10)), Link("b", at(10), None)]


def test_a_link_that_starts_at_the_same_time_is_corrected() -> None:
    assert place([Link("a", at(0), None)], "b", at(0)) == [Link("b", at(0), None)]
    assert place([Link("a", at(0), None)], None, at(0)) == []


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 30)), max_size=12))
def test_links_never_overlap_and_a_statement_changes_nothing_before_it(
    said: list[tuple[str | None, int]],
) -> None:
    links: list[Link] = []
    for patient, minute in said:
        before, links = links, place(links, patient, at(minute))
        assert all(a.to_at is not None and a.to_at <= b.from_at for a, b in pairwise(links))
        assert who(links, minute) == patient
        assert [who(links, m) for m in range(-1, minute)] == [who(before, m) for m in range(-1, minute)]
        assert place(links, patient, at(minute)) == links


def who(links: list[Link], minute: int) -> str | None:
    link = current(links, at(minute))
    return link.patient_id if link else None
