"""`python -m services.device_simulator [--progress] [--record FILE]`."""

import argparse
import sys
from pathlib import Path

from services.device_simulator.service import main, main_record

parser = argparse.ArgumentParser(prog="python -m services.device_simulator", description="Simulated bedside monitors.")
parser.add_argument("--progress", action="store_true", help="a bar and a table for a person")
parser.add_argument("--record", type=Path, help="write a recording in place of sending")
options = parser.parse_args()
sys.exit(main_record(options.record, options.progress) if options.record else main(shown=options.progress))
