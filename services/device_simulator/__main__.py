"""`python -m services.device_simulator [--progress]`."""

import sys

from services.device_simulator.service import main

sys.exit(main(shown="--progress" in sys.argv[1:]))
