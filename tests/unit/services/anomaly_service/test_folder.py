"""The folder of models: what comes is offered once, a promotion is remembered, and nothing elsewhere is a model."""

import json
import shutil
from pathlib import Path

import pytest

from services.anomaly_service.folder import ModelFolder
from vigil.model import ModelError


async def test_a_folder_offers_what_comes_and_what_changes(tmp_path: Path, other_file: Path) -> None:
    shutil.copytree(other_file.parent, tmp_path / "old")
    folder = ModelFolder(tmp_path)
    offered: list[str] = []
    turned_away: list[tuple[str, str]] = []

    def turn_away(name: str, reason: str) -> None:
        turned_away.append((name, reason))

    async def offer(name: str, file: Path) -> bool:
        assert file.name == other_file.name
        offered.append(name)
        return True

    await folder.scan(offer, turn_away)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / other_file.name).write_bytes(b"the manifest comes last")
    await folder.scan(offer, turn_away)
    assert offered == []
    shutil.copytree(other_file.parent, tmp_path / "new")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    await folder.scan(offer, turn_away)
    await folder.scan(offer, turn_away)
    assert offered == ["new"]
    assert [name for name, _ in turned_away] == ["broken"]
    assert "manifest.json" in turned_away[0][1]


def test_a_promotion_is_remembered(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    assert folder.remembered() == ""
    folder.remember("v2")
    assert ModelFolder(tmp_path).remembered() == "v2"
    folder.remember("")
    assert folder.remembered() == ""


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "absent"])
def test_only_directories_of_the_folder_are_models(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError):
        ModelFolder(tmp_path).file(name)


def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path: Path, other_file: Path) -> None:
    shutil.copytree(other_file.parent, tmp_path / "m")
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    (tmp_path / "m" / "manifest.json").write_text(json.dumps(manifest | {"file": f"../{other_file.name}"}))
    with pytest.raises(ModelError, match="elsewhere"):
        ModelFolder(tmp_path).file("m")
