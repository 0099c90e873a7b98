"""`python -m services.notification_service`."""

import sys

from services.notification_service.service import main

sys.exit(main())
