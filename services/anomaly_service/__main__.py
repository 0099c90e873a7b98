"""`python -m services.anomaly_service`."""

import sys

from services.anomaly_service.service import main

sys.exit(main())
