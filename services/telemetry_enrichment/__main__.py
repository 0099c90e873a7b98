"""`python -m services.telemetry_enrichment`."""

import sys

from services.telemetry_enrichment.service import main

sys.exit(main())
