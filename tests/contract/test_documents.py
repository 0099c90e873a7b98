"""The documents name files, make targets, commands and settings that exist."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from typer.main import get_command

from vigil import topology
from vigil.cli.main import app
from vigil.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
FILE = re.compile(r"\.(py|pyi|rs|md|toml|proto|yaml|yml|sql|lua|json|onnx|sh|in|lock|properties)$")
MADE = {".venv", ".vigil", "target"}  # by make
MADE_FILES = {"load/REPORT.md"}  # by make bench
OTHER = {"120/80", "120/80/93", "scored.jsonl", "alerts.jsonl"}  # readings; what a replay writes
CONSTANT = re.compile(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b")
pages = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def paths_in(line: str) -> Iterator[tuple[str, bool]]:
    """Backticked words of a line that look like paths of the repository, and whether the path is there.

    A word without a folder stands in the folder of a path before it in the line, or beside the project's root.
    """
    folders = [ROOT, ROOT / "proto"]
    for word in re.findall(r"`([^`\s]+)`", line):
        if word.startswith(("/", "-")) or word in OTHER or "://" in word or re.search(r"[{}<>=:|…@()]", word):
            continue
        if not ("/" in word or FILE.search(word)) or word.split("/")[0] in MADE or word.startswith("."):
            continue
        found = [folder / word for folder in folders if list(folder.glob(word))]
        yield word, bool(found) or word in MADE_FILES
        folders += [path if path.is_dir() else path.parent for path in found]
        folders += [path.parent for path in found if path.is_dir()]


@pages
def test_paths_exist(page: Path) -> None:
    missing = [word for line in page.read_text().splitlines() for word, there in paths_in(line) if not there]
    assert not missing


@pages
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    local = [link for link in links if not link.startswith(("http://", "https://"))]
    names = [(page.parent / link).resolve() for link in local]
    assert [str(n) for n in names if not n.exists() and str(n.relative_to(ROOT)) not in MADE_FILES] == []


@pages
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    code = "\n".join(re.findall(r"`([^`\n]+)`", page.read_text()) + [re.sub(r" #.*", "", block) for block in blocks])
    asked = {
        word
        for words in re.findall(r"(?:^|\s)make((?: [a-z0-9-]+)+)(?=$|\s|[A-Z`])", code, re.MULTILINE)
        for word in words.split()
    }
    assert asked <= targets


@pages
def test_vigil_commands_exist(page: Path) -> None:
    commands = set(getattr(get_command(app), "commands", {}))
    asked = set(re.findall(r"`vigil ([a-z-]+)", page.read_text()))
    asked |= set(re.findall(r"^\S*vigil ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert asked <= commands


@pages
def test_settings_and_constants_exist(page: Path) -> None:
    known = {field.name.upper() for field in fields(Settings)}
    known |= {f"{s.package.upper()}_{kind}" for s in topology.SERVICES for kind in ("HOST", "HTTP_PORT", "GRPC_PORT")}
    sources = [ROOT / "Makefile", *(ROOT / "proto").glob("*.proto")]
    known |= set(re.findall(CONSTANT, "\n".join(path.read_text() for path in sources)))
    prefixes = "^(OBSERVATION_FLAG|ALERT_CAUSE|CONTROL_ACTION)_"
    known |= {re.sub(prefixes, "", name) for name in known}  # as people call them
    text = re.sub(r"\S+\.md", "", page.read_text())
    known |= {"RESOURCE_EXHAUSTED", "GRPC_EXPERIMENTS"}  # of gRPC itself
    assert set(re.findall(CONSTANT, text)) <= known


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    folder = ROOT / "docs" / "adr"
    decisions = sorted(p.name for p in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))
    index = (folder / "README.md").read_text()
    for name in decisions:
        title = (folder / name).read_text().splitlines()[0].removeprefix(f"# {name[:4]} ")
        assert f"| [{name[:4]}]({name}) | {title} |" in index
