"""The kernels against a dictionary in plain Python."""

import math
import random

import numpy as np

from services.analytics import kernels as k
from services.analytics.tables import Hours, Observations, RollUps, Values


def columns(rng: random.Random, count: int, subjects: int) -> tuple[Observations, Values]:
    def ints(low: int, high: int) -> np.ndarray:
        return np.array([rng.randrange(low, high) for _ in range(count)], np.int64)

    def bits(share: float) -> np.ndarray:
        return np.array([rng.random() < share for _ in range(count)], bool)

    times = ints(-(10**10), 10**10)
    flags = bits(0.9), bits(0.1), bits(0.2), bits(0.2), bits(0.2)
    scores = [np.array([rng.random() for _ in range(count)], np.float32) for _ in range(2)]
    model = np.zeros(count, np.uint32)
    observations = Observations(ints(0, subjects), ints(0, 50), ints(0, 4), times, *flags, *scores, model, [""])
    of = np.sort(np.array([rng.randrange(count) for _ in range(3 * count)], np.uint32))
    signs = np.array([rng.randrange(1, 18) for _ in of], np.uint8)
    usable = np.array([rng.random() < 0.9 for _ in of], bool)
    return observations, Values(of, signs, usable, np.array([rng.gauss(80, 20) for _ in of]))


def test_roll_ups_are_those_of_plain_python():
    rng, table, oracle = random.Random(3), RollUps(), {}
    for _ in range(4):  # polls that share groups, and enough of them that the table grows
        o, v = columns(rng, 4000, 10)
        table.add(o, v)
        for of, sign, usable, x in zip(v.observation, v.sign, v.usable, v.value, strict=True):
            if not o.fresh[of] or o.duplicate[of]:
                continue
            time_us = int(o.event_time_us[of])
            group = oracle.setdefault((int(o.subject[of]), int(sign), time_us // 60_000_000), ([], []))
            group[0 if usable else 1].append((time_us, float(x)))
    rows = table.groups()
    floats = rows.view(np.float64)
    assert len(rows) == len(oracle)
    assert len(table.slots) > 4096
    for row, words in zip(rows, floats, strict=True):
        good, bad = oracle[int(row[k.HIGH] >> k.SIGN_BITS), int(row[k.HIGH] & 0xFF), int(row[k.LOW])]
        assert (row[k.COUNT], row[k.UNUSABLE]) == (len(good), len(bad))
        if not good:
            assert math.isnan(words[k.LAST])
            continue
        numbers = [x for _, x in good]
        assert math.isclose(words[k.SUM], sum(numbers))
        assert math.isclose(words[k.SUM_SQUARES], sum(x * x for x in numbers))
        assert (words[k.MIN], words[k.MAX]) == (min(numbers), max(numbers))
        latest = max(time_us for time_us, _ in good)
        assert row[k.LAST_TIME_US] == latest
        assert words[k.LAST] == [x for time_us, x in good if time_us == latest][-1]


def test_hours_are_those_of_plain_python():
    rng, table, oracle = random.Random(4), Hours(), {}
    for _ in range(3):
        o, _ = columns(rng, 6000, 3000)
        table.add(o.subject, o)
        for i in range(len(o.subject)):
            if o.fresh[i]:
                group = oracle.setdefault((int(o.subject[i]), int(o.event_time_us[i]) // 3_600_000_000), [0] * 5)
                counted = (0, 1, 0, 0, 0) if o.duplicate[i] else (1, 0, o.late[i], o.orphan[i], o.unscored[i])
                group[:] = [a + int(b) for a, b in zip(group, counted, strict=True)]
    words = [k.OBSERVATIONS, k.DUPLICATES, k.LATE, k.ORPHANS, k.UNSCORED]
    assert {(int(r[k.HIGH]), int(r[k.LOW])): r[words].tolist() for r in table.groups()} == oracle


def test_repeated_equal_values_do_not_collapse_in_the_averages():
    table = RollUps()
    one = np.zeros(1, np.int64)
    no, yes = np.zeros(1, bool), np.ones(1, bool)
    scores, model = [np.zeros(1, np.float32)] * 2, np.zeros(1, np.uint32)
    observations = Observations(one, one, one, one, yes, no, no, no, no, *scores, model, [""])
    for value in (80.0, 80.0, 80.0, 120.0):
        table.add(observations, Values(np.zeros(1, np.uint32), np.ones(1, np.uint8), yes, np.array([value])))
    (row,) = table.groups()
    assert row[k.COUNT] == 4
    assert row.view(np.float64)[k.SUM] / row[k.COUNT] == 90.0


def test_a_cleared_table_is_empty_and_shrinks_again():
    rng, table = random.Random(5), RollUps()
    table.add(*columns(rng, 20_000, 5000))
    large = len(table.slots)
    for _ in range(6):
        table.clear()
        assert len(table.groups()) == 0
    assert len(table.slots) < large


def fresh(records: list[list[int]], mark: int) -> tuple[list[list[bool]], int]:
    record = np.array([i for i, offsets in enumerate(records) for _ in offsets], np.uint32)
    source = np.array([offset for offsets in records for offset in offsets], np.uint64)
    found, mark = k.fresh_after(record, source, mark)
    flat = iter(found.tolist())
    return [[next(flat) for _ in offsets] for offsets in records], mark


def test_what_was_counted_before_is_not_fresh():
    assert fresh([[4, 4, 5], [6]], -1) == ([[True] * 3, [True]], 6)
    assert fresh([[4, 4, 5], [6]], 4) == ([[False, False, True], [True]], 6)
    assert fresh([[4, 4, 5], [6]], 6) == ([[False] * 3, [False]], 6)


def test_a_record_written_again_by_the_engine_is_counted_once():
    # The engine crashed after writing [3] and begins again at its checkpoint, with other batch borders.
    assert fresh([[1, 2], [3, 3], [3, 3, 4], [5]], -1)[0] == [[True] * 2, [True] * 2, [False, False, True], [True]]
    assert fresh([[5, 5], [3], [4, 5], [6]], 2)[0] == [[True, True], [False], [False, False], [True]]
