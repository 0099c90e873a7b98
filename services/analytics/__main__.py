"""`python -m services.analytics`."""

import sys

from services.analytics.service import main

sys.exit(main())
