"""The schema of rule files says what the parser says; the reasons that a schema cannot give have names here."""

import copy
import datetime
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from scripts import rules_schema
from tests.support import toml
from vigil import core, paths

LANGUAGE = (Path(toml.__file__).parent / "language.toml").read_text("utf-8")
KINDS = (paths.ROOT / "rust/vigil-core/src/engine/tests/kinds.toml").read_text("utf-8")
FILES = [paths.RULES, *sorted((paths.RULES.parent / "examples").glob("*.toml"))]
SCHEMA = json.loads(core.rules_schema())
VALIDATOR = Draft202012Validator(SCHEMA)
SAMPLE = tomllib.loads(LANGUAGE)

# What a JSON Schema cannot say: the parser's words, and what to change in SAMPLE so that only the parser refuses it.
UNSAID = {
    "an id that an earlier rule has": (r"unknown id of an earlier rule", ("rule", 2, "suppressed_by"), ["pews"]),
    "the id of a ladder": (r"unknown ladder", ("rule", 0, "ladder"), "night"),
    "ids of rules differ": (r"is taken; every rule", ("rule", 1, "id"), "heart-rate-high"),
    "ids of ladders differ": (r"is taken by another ladder", ("ladder",), SAMPLE["ladder"] * 2),
    "one rule about the absence of a sign": (r"about its absence already", ("rule", 12, "signs"), ["spo2"]),
    "limits lie further out": (r"must lie further out", ("rule", 0, "steps", 1, "limit"), 110),
    "changes grow": (r"more than that of the step before, and in", ("rule", 2, "steps", 1, "change"), 20),
    "totals grow": (r"^must be more than that of the step before$", ("rule", 4, "steps", 2, "at_least"), 5),
    "scores of the model grow": (r"must be more than 0 and more than", ("rule", 9, "steps", 1, "at_least"), 0.6),
    "alarms end": (r"or its alarm never ends", ("rule", 2, "hysteresis"), 25),
    "priorities grow": (r"must not be less than that of the step", ("rule", 0, "steps", 0, "priority"), "high"),
    "a ladder begins at 0 and goes up": (r"must be 0 for the first step", ("ladder", 0, "steps", 0, "after_s"), 1),
    "age_min up to age_max": (r"\(age_min\) or more", ("rule", 0, "population", "age_max"), 15),
    "numbers are finite": (r"must be a finite number", ("rule", 0, "steps", 0, "limit"), float("nan")),
    "bytes of a name": (r"must be 1 to 64 characters", ("ladder", 0, "steps", 0, "to"), "ä" * 33),
    "combinations are counted": (
        r"at most 64 combinations",
        ("rule",),
        [SAMPLE["rule"][1], *({**SAMPLE["rule"][8], "id": f"both-{n}"} for n in range(65))],
    ),
    "populations are counted": (
        r"at most 128 different populations",
        ("rule",),
        [{**SAMPLE["rule"][1], "id": f"for-{n}", "population": {"age_min": n}} for n in range(129)],
    ),
    "rules a sign are counted": (
        r"at most 10000 rules",
        ("rule",),
        [*({**SAMPLE["rule"][1], "id": f"r-{n}"} for n in range(9999)), SAMPLE["rule"][10]],
    ),
}


def parsed(content: dict[str, Any]) -> str | None:
    """What the parser says against it: the hint alone, without file and line."""
    try:
        core.describe_rules(toml.dumps(content), "x.toml")
    except core.CoreError as error:
        code, _, message = error.args
        return str(message).split(": ", 1)[1] if code == "invalid_rule" else f"a panic: {message}"
    return None


def allows(content: dict[str, Any]) -> bool:
    return bool(VALIDATOR.is_valid(content))


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    content: Any = copy.deepcopy(SAMPLE)
    node = content
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return content


def test_the_committed_file_is_what_the_core_makes() -> None:
    assert rules_schema.PATH.read_bytes() == core.rules_schema(), "run scripts/rules_schema.py"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_rule_files_are_valid(path: Path) -> None:
    VALIDATOR.validate(tomllib.loads(path.read_text("utf-8")))


def keys(node: Any) -> Iterator[str]:
    """Keys that the schema knows of, with where they belong."""
    for name, kind in node["$defs"].items():
        yield from (f"{name}.{key}" for key in kind["properties"])
        steps = kind["properties"].get("steps", {"items": {"properties": {}}})
        yield from (f"{name}.steps.{key}" for key in steps["items"]["properties"])
        yield from (f"population.{key}" for key in kind["properties"]["population"]["properties"])
    yield from node["properties"]


def used(content: dict[str, Any]) -> Iterator[str]:
    for rule in content["rule"]:
        # What every rule may have need not be tried with every kind.
        yield from (f"{rule['kind']}.{key}" for key in rule)
        yield from (f"{rule['kind']}.steps.{key}" for step in rule.get("steps", ()) for key in step)
        yield from (f"population.{key}" for key in rule.get("population", ()))
    yield from content


def test_the_sample_has_every_key_and_both_accept_it() -> None:
    common = set.intersection(*(set(kind["properties"]) for kind in SCHEMA["$defs"].values()))
    tried = set(used(SAMPLE))
    assert common <= {key.partition(".")[2] for key in tried}
    assert {key for key in keys(SCHEMA) if key.partition(".")[2] not in common} <= tried
    for text in (LANGUAGE, LANGUAGE + KINDS):
        content = tomllib.loads(text)
        assert parsed(content) is None
        VALIDATOR.validate(content)


@pytest.mark.parametrize("name", UNSAID)
def test_what_only_the_parser_refuses(name: str) -> None:
    words, path, value = UNSAID[name]
    content = changed(path, value)
    assert re.search(words, parsed(content) or "accepted")
    assert allows(content), "the schema can say it after all: take it off the list"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("spot_check_after_s",), 86_401),
        (("late_after_s",), 0.5),
        (("order", "hold"), "sometimes"),
        (("order", "window_s"), 30.5),
        (("alarm", "pause_max_s"), 0),
        (("alarm", "re_alarm_s", "urgent"), 1),
        (("ladder", 0, "steps"), []),
        (("ladder", 0, "steps", 0, "to"), "  "),
        (("rule",), []),
        (("rule", 0, "kind"), "limits"),
        (("rule", 0, "id"), "Heart rate"),
        (("rule", 0, "limt"), 3),
        (("rule", 0, "sign"), "hart_rate"),
        (("rule", 0, "message"), "{sing}"),
        (("rule", 0, "message"), "a } b"),
        (("rule", 0, "message"), "a } {value}"),
        (("rule", 0, "message"), ""),
        (("rule", 0, "alert_type"), "tachy-cardia"),
        (("rule", 0, "population"), {"only_known": True}),
        (("rule", 0, "population", "wards"), []),
        (("rule", 0, "population", "age_min"), 16.5),
        (("rule", 0, "steps", 1, "patient_limit"), "low"),
        (("rule", 0, "steps", 2, "priority"), "medium"),
        (("rule", 0, "steps", 0), {"priority": "low"}),
        (("rule", 0, "steps"), [{"limit": n, "priority": "low"} for n in range(5)]),
        (("rule", 0, "average_s"), 601),
        (("rule", 2, "steps", 1), {"percent": 90, "priority": "high"}),
        (("rule", 2, "steps", 0, "percent"), 5),
        (("rule", 2, "window_s"), 9),
        (("rule", 4, "steps", 2, "at_least"), 21),
        (("rule", 4, "steps", 2, "at_least"), 7.5),
        (("rule", 4, "steps", 0, "at_least"), 1),
        (("rule", 4, "hysteresis"), 0.5),
        (("rule", 5, "steps", 0, "at_least"), 0),
        (("rule", 6, "steps", 0), {"single_three": True, "priority": "low"}),
        (("rule", 7, "at_least"), 5),
        (("rule", 7, "mode"), "any"),
        (("rule", 7, "conditions", 1), {"rule": "spo2-low", "limit": 3}),
        (("rule", 7, "conditions", 2, "at_least"), 4),
        (("rule", 7, "conditions"), [{"rule": "spo2-low"}]),
        (("rule", 7, "conditions"), [{"rule": "spo2-low"}] * 9),
        (("rule", 6, "hysteresis"), 0.5),
        (("rule", 9, "column"), "danger"),
        (("rule", 9, "steps", 0, "at_least"), 1.1),
        (("rule", 10, "signs"), ["spo2", "spo2"]),
        (("rule", 10, "signs"), []),
        (("rule", 11, "lead_off"), False),
        (("rule", 12, "condition"), "connected"),
    ],
)
def test_what_both_refuse(path: tuple[str | int, ...], value: Any) -> None:
    content = changed(path, value)
    assert parsed(content) is not None
    assert not allows(content)


# Changes of a valid file.

WORDS = sorted(
    set(re.findall(r'"([a-z_0-9-]+)":', json.dumps(SCHEMA["$defs"])))
    | {word for words in re.findall(r'"enum": \[([^]]*)\]', json.dumps(SCHEMA)) for word in json.loads(f"[{words}]")}
)
NUMBERS = [-1, -0.0, 0, 0.05, 0.5, 1, 1.0, 1.5, 2, 3, 4, 5, 7, 8, 9, 10, 11, 14, 20, 21, 26, 27, 30, 31, 90, 150, 151,
           600, 601, 86_400, 86_400.5, 1e300]  # fmt: skip
TEXTS = ["", " ", "spo2-low", "leads/spo2", "Ward", "{value}", "{ value }", "{value", "a }{value}", "x" * 64, "x" * 65]
OTHERS = [True, False, [], {}, [1], [{}], ["spo2"], datetime.date(2026, 1, 1)]
VALUES = st.sampled_from([*NUMBERS, *TEXTS, *OTHERS]) | st.sampled_from(WORDS) | st.floats(-1, 100_000)


def places(node: Any) -> Iterator[tuple[Any, str | int]]:
    """Every value of a file, as a container and its key."""
    for key in node if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


def few(at: int) -> dict[str, Any]:
    """The sample with rule `at` as its last, and of the others those that it names."""
    before = [n for n in (0, 1, 10 if at == 12 else 1) if n < at]
    rules = [SAMPLE["rule"][n] for n in dict.fromkeys([*before, at])]
    return copy.deepcopy({**SAMPLE, "rule": rules})


def agree(content: dict[str, Any]) -> None:
    refusal = parsed(content)
    if refusal is None:
        VALIDATOR.validate(content)
    elif not any(re.search(words, refusal) for words, _, _ in UNSAID.values()):
        assert not allows(content), refusal


@pytest.mark.parametrize("at", range(len(SAMPLE["rule"])))
def test_both_say_the_same_when_one_value_of_a_rule_changes(at: int) -> None:
    content = few(at)
    rule = content["rule"][-1]
    others = ["low", "high", "critical_low", "critical_high", "fall", "any", "all", "at_least", "risk", "mews", "sirs"]
    for holder, key in list(places(rule)):
        kept = holder[key]
        for value in (*NUMBERS, *TEXTS, *OTHERS, *others):
            holder[key] = value
            agree(content)
        holder[key] = kept
        if isinstance(holder, dict):
            del holder[key]
            agree(content)
            holder["unknown"] = kept
            agree(content)
            del holder["unknown"]
            holder[key] = kept


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    # Few rules: what is changed shall be seen, and not what is wrong somewhere else.
    content = few(draw(st.integers(0, len(SAMPLE["rule"]) - 1)))
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(places(content))))
        how = draw(st.sampled_from(["replace", "remove", "move", "add", "repeat"]))
        if how == "replace":
            holder[key] = draw(VALUES)
        elif how == "remove":
            del holder[key]
        elif how == "repeat" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif how == "add" and isinstance(holder[key], dict):
            holder[key][draw(st.sampled_from(WORDS))] = draw(VALUES)
        elif how == "move" and isinstance(holder, dict):
            holder[draw(st.sampled_from(WORDS))] = holder.pop(key)
        if not content:
            break
    return content


@settings(max_examples=1000, deadline=None)
@given(mutated())
def test_both_say_the_same_of_a_changed_file(content: dict[str, Any]) -> None:
    agree(content)
