"""`python -m services.telemetry_normalizer`."""

import sys

from services.telemetry_normalizer.service import main

sys.exit(main())
