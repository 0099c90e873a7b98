"""`python -m services.incident_service`."""

import sys

from services.incident_service.service import main

sys.exit(main())
