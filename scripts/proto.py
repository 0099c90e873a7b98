"""Generates python/vigil/pb from proto/ with the protoc inside grpcio-tools."""

import re
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "python" / "vigil" / "pb"


def main() -> int:
    """Generates messages, stubs and services; returns protoc's exit code."""
    OUT.mkdir(parents=True, exist_ok=True)
    protos = sorted(str(p.name) for p in (ROOT / "proto").glob("*.proto"))
    includes = [f"-I{ROOT / 'proto'}", f"-I{files('grpc_tools') / '_proto'}"]
    outputs = [f"--python_out={OUT}", f"--pyi_out={OUT}", f"--grpc_python_out={OUT}"]
    code: int = protoc.main(["protoc", *includes, *outputs, *protos])
    for path in OUT.glob("*_pb2*.py*"):
        text = re.sub(r"^import (\w+_pb2) as", r"from vigil.pb import \1 as", path.read_text(), flags=re.M)
        path.write_text(re.sub(r"^import (\w+_pb2)$", r"from vigil.pb import \1", text, flags=re.M))
    return code


if __name__ == "__main__":
    sys.exit(main())
