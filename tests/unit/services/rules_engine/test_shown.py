"""What GET /api/v1/rules shows of a rule file is all that the core says of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from services.rules_engine import shown
from tests.support import toml
from vigil import core, paths


def camel(data: Any) -> Any:
    match data:
        case dict():
            return {to_camel(key): camel(value) for key, value in data.items()}
        case list():
            return [camel(item) for item in data]
    return data


@pytest.mark.parametrize("path", [paths.RULES, Path(toml.__file__).parent / "language.toml"], ids=lambda p: p.name)
def test_nothing_is_lost_or_added(path: Path) -> None:
    text = path.read_text("utf-8")
    assert shown.described(text, path.name).shown() == camel(json.loads(core.describe_rules(text)))
