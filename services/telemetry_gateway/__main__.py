"""`python -m services.telemetry_gateway`."""

import sys

from services.telemetry_gateway.service import main

sys.exit(main())
