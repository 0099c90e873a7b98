"""A run of the simulator into a file, as fast as it goes: the recording and, beside it, its ground truth.

The file is JSON lines as `vigil.recordings` reads them, packed when its name ends in `.gz`. The same plan gives the
same bytes. It appears whole or not at all.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import numpy as np

from services.device_simulator import enrolment
from services.device_simulator.encode import JsonTemplate
from services.device_simulator.simulator import Plan, Simulator


def truth_path(path: Path) -> Path:
    """Where a recording's ground truth lies: `ward.jsonl.gz` has `ward.truth.jsonl`."""
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".jsonl") + ".truth.jsonl")


def record(plan: Plan, path: Path, progress: Callable[[float], None] = lambda _: None) -> Simulator:
    """Writes both files; `progress(simulated seconds)`. The plan must have an end."""
    if plan.duration_s <= 0:
        raise ValueError("a recording needs a duration")
    path.parent.mkdir(parents=True, exist_ok=True)
    part, truth = path.with_name(path.name + ".part"), truth_path(path)
    truth_part = truth.with_name(truth.name + ".part")
    template = JsonTemplate(plan.prefix)
    simulator = Simulator(replace(plan, truth=truth_part), template)
    with _packed(part, packed=path.suffix == ".gz") as file:
        file.write(msgspec.json.encode(_whose(plan)) + b"\n")
        for body in simulator.bodies():
            lines = np.frombuffer(body.body, np.uint8)[1:].reshape(body.observations, template.bytes.size).copy()
            lines[:, -1] = ord("\n")
            file.write(lines.tobytes())
            progress(body.due_s)
    truth_part.rename(truth)
    part.rename(path)
    return simulator


def _whose(plan: Plan) -> dict[str, object]:
    """The first line: patients with their ward, devices with their patient."""
    patients = [
        {
            "patientId": patient["patientId"],
            "age": patient["age"],
            "gender": patient["gender"],
            "conditions": patient["medicalConditions"],
            "ward": patient["ward"],
        }
        for patient in enrolment.patients(plan)
    ]
    devices = [
        {**device, "patientId": plan.patient_id(number)} for number, device in enumerate(enrolment.devices(plan))
    ]
    return {"patients": patients, "devices": devices}


@contextmanager
def _packed(path: Path, *, packed: bool) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        file: BinaryIO = stack.enter_context(path.open("wb", buffering=1 << 20))
        if packed:  # without name and time: the same bytes again
            packer = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0)
            file = cast(BinaryIO, stack.enter_context(packer))
        yield file
