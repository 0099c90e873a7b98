"""What holds the tree together: import rules, the stub, generated documents, the size of files."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX = 330  # aimed at 200; what is above needs splitting


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_who_may_import_whom() -> None:
    done = run(str(Path(sys.executable).parent / "lint-imports"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_door_imports_the_extension() -> None:
    importers = [
        str(path.relative_to(ROOT))
        for folder in ("python", "services", "load", "models", "scripts")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^\s*(from|import) vigil\._core", path.read_text(), re.MULTILINE)
    ]
    assert importers == ["python/vigil/core.py"]


def test_the_stub_is_the_module() -> None:
    stub = ast.parse((ROOT / "python" / "vigil" / "_core.pyi").read_text())
    module = importlib.import_module("vigil._core")
    aliases = {node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)}
    stated = {n.name: n for n in stub.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    there = {name for name in dir(module) if not name.startswith("_")}
    assert set(stated) == there - aliases
    for name, node in stated.items():
        if isinstance(node, ast.ClassDef) and name != "CoreError":
            methods = {n.name for n in node.body if isinstance(n, ast.FunctionDef)} - {"__new__"}
            real = {m for m in vars(getattr(module, name)) if not m.startswith("__") or m == "__len__"}
            assert methods == real, name


def test_stubtest_agrees() -> None:
    done = run(sys.executable, "-m", "mypy.stubtest", "vigil._core", "--ignore-missing-stub", "--concise")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_operations_page_is_generated_from_the_settings() -> None:
    done = run(sys.executable, "scripts/operations_doc.py", "--check")
    assert done.returncode == 0, "run `make docs`: docs/operations.md differs from the settings"


def tracked(*patterns: str) -> list[Path]:
    done = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns)
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def test_files_hold_one_idea() -> None:
    files = tracked("*.py", "*.rs")
    if not files:
        pytest.skip("not a git checkout")
    long = {str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text().splitlines())) > LINES_MAX}
    assert not long


def test_every_setting_is_read_through_the_settings_module() -> None:
    for_grpc = 'os.environ.setdefault("GRPC_'  # says what gRPC finds there; nothing of ours is read
    offenders = [
        str(path.relative_to(ROOT))
        for path in [*tracked("services/*.py"), *tracked("python/vigil/*.py")]
        if "os.environ" in path.read_text().replace(for_grpc, "")
        and path.name not in ("settings.py",)
        and "supervisor" not in str(path)
        and "cli" not in str(path)
    ]
    assert not offenders
