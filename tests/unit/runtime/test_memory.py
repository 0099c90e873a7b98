"""Freed memory stays with the process."""

import subprocess
import sys
from pathlib import Path

import pytest

from vigil.runtime import memory

PROBE = """
import resource, sys
from vigil.runtime import memory
if sys.argv[1] == "keep":
    assert memory.keep_freed()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def batch():
    values = [b"x" * 1_000_000 for _ in range(20)]
batch()
before = faults()
for _ in range(10):
    batch()
print(faults() - before)
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, how], capture_output=True, text=True, check=True, env={"PYTHONPATH": "python"},
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's setting")
def test_a_batch_uses_the_memory_of_the_one_before() -> None:
    assert memory.keep_freed() in (True, False)
    if memory.keep_freed():
        assert faults("keep") * 10 < faults("default")
